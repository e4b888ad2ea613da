import { atCommandLine } from '../../access/remedies.ts';
import type { Question, RegistryAnswer } from '../../adoption/adoption.ts';
import { PodCredentials, pullIdentityOf } from '../../credentials/pod-credentials.ts';
import type { PullSecrets } from '../../credentials/pull-secrets.ts';
import type { RegistryEngine } from '../../engine.ts';
import type { PodSpec } from '../../pin/pod.ts';
import { sentence } from '../../resolve/failure.ts';
import { type ImageOutcome, pinImages } from '../../resolve/pin-images.ts';

/** Asks registries, for whom a template's pods may pull. */
export type AskRegistry = (
  questions: readonly Question[],
  namespace: string,
  spec: PodSpec,
) => Promise<ReadonlyMap<string, RegistryAnswer>>;

/**
 * Asks what tags have now, and of digests that they don't have whether the repository has them: one request an image,
 * a second one if its tag has moved. Never rejects.
 */
export function createAskRegistry(
  engine: Pick<RegistryEngine, 'resolver' | 'credentials'>,
  pullSecrets: PullSecrets,
  signal: AbortSignal,
): AskRegistry {
  return async (questions, namespace, spec) => {
    const read = () => pullSecrets.credentials(pullIdentityOf(namespace, spec), signal);
    const credentials = new PodCredentials(engine.credentials, read, signal);
    const resolveAll = async (all: readonly Question[]) => {
      const decided = all.map(({ field, reference }) => ({
        field,
        decision: { action: 'resolve', reference } as const,
      }));
      const { outcomes } = await pinImages(decided, { resolver: engine.resolver, credentials, signal });
      return outcomes;
    };

    const tags = await resolveAll(questions);
    const answers = new Map<string, RegistryAnswer>(
      tags.map((outcome) => [outcome.field.image, { tag: answerOf(outcome) }]),
    );
    const open = questions.filter(
      ({ field, confirm }) => confirm !== undefined && answers.get(field.image)?.tag.digest !== confirm,
    );
    const byDigest = open.map(({ reference, confirm, ...rest }) => ({
      ...rest,
      confirm,
      reference: { ...reference, digest: confirm },
    }));
    for (const [index, outcome] of (await resolveAll(byDigest)).entries()) {
      const { image } = outcome.field;
      const tag = answers.get(image)?.tag;
      const unconfirmed = unconfirmedBy(outcome, open[index]?.confirm);
      if (tag !== undefined) answers.set(image, { tag, unconfirmed });
    }
    return answers;
  };
}

function answerOf(outcome: ImageOutcome): RegistryAnswer['tag'] {
  return outcome.result === 'pinned' ? { digest: outcome.pin.digest } : { problem: problemOf(outcome) };
}

/** Why the registry doesn't bear out that the repository has a digest. */
function unconfirmedBy(outcome: ImageOutcome, digest: string | undefined): string | undefined {
  if (outcome.result === 'pinned') {
    return outcome.pin.digest === digest
      ? undefined
      : `asked for ${digest}, the registry answers with another digest`;
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
