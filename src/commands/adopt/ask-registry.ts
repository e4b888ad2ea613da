import type { Cluster } from '../../access/cluster.ts';
import { atCommandLine } from '../../access/remedies.ts';
import type { RegistryQuery, RegistryResult } from '../../adoption/adoption.ts';
import type { PullIdentity } from '../../credentials/pull-secrets.ts';
import { sentence } from '../../resolve/failure.ts';
import { type ImageOutcome, pinImages } from '../../resolve/pin-images.ts';

/**
 * Asks for the digests of tags, and whether the repository has a digest that its tag doesn't have: one request for each
 * image, and a second one if its tag has moved. Never rejects.
 *
 * @param identity of the revision's pods
 * @returns the results by image as written
 */
export async function askRegistry(
  queries: readonly RegistryQuery[],
  identity: PullIdentity,
  { engine, podCredentials, signal }: Pick<Cluster, 'engine' | 'podCredentials' | 'signal'>,
): Promise<ReadonlyMap<string, RegistryResult>> {
  const credentials = podCredentials(identity);
  const resolveAll = async (all: readonly RegistryQuery[]) => {
    const decided = all.map(({ field, reference }) => ({
      field,
      decision: { action: 'resolve', reference } as const,
    }));
    const { outcomes } = await pinImages(decided, { resolver: engine.resolver, credentials, signal });
    return outcomes;
  };

  const tags = await resolveAll(queries);
  const results = new Map<string, RegistryResult>(
    tags.map((outcome) => [outcome.field.image, { tag: tagOf(outcome) }]),
  );
  const open = queries.filter(
    ({ field, confirm }) => confirm !== undefined && results.get(field.image)?.tag.digest !== confirm,
  );
  const byDigest = open.map(({ reference, confirm, ...rest }) => ({
    ...rest,
    confirm,
    reference: { ...reference, digest: confirm },
  }));
  for (const [index, outcome] of (await resolveAll(byDigest)).entries()) {
    const { image } = outcome.field;
    const tag = results.get(image)?.tag;
    const unconfirmed = unconfirmedBy(outcome, open[index]?.confirm);
    if (tag !== undefined) results.set(image, { tag, unconfirmed });
  }
  return results;
}

function tagOf(outcome: ImageOutcome): RegistryResult['tag'] {
  return outcome.result === 'pinned' ? { digest: outcome.pin.digest } : { problem: problemOf(outcome) };
}

/** Why it isn't confirmed that the repository has a digest; undefined if it is. */
function unconfirmedBy(outcome: ImageOutcome, digest: string | undefined): string | undefined {
  if (outcome.result === 'pinned') {
    return outcome.pin.digest === digest
      ? undefined
      : `asked for ${digest}, the registry results with another digest`;
  }
  if (outcome.result === 'failed' && outcome.failure.label === 'not_found') {
    return `the registry doesn't have ${digest}, which runs`;
  }
  return `the registry can't be asked for ${digest}: ${problemOf(outcome)}`;
}

function problemOf(outcome: ImageOutcome): string {
  if (outcome.result !== 'failed') return '';
  const { error, failure } = outcome;
  return sentence(atCommandLine(failure, error));
}
