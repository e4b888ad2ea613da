import type { Cluster } from '../../access/cluster.ts';
import { atCommandLine, remedyFor } from '../../access/remedies.ts';
import {
  type Adoption,
  judge,
  type Preference,
  pinsToStore,
  type RegistryQuery,
  type RegistryResult,
  registryQueries,
} from '../../adoption/adoption.ts';
import { observe } from '../../adoption/evidence.ts';
import type { RevisionInUse, RevisionObject } from '../../adoption/read-revisions.ts';
import { pullIdentityOf } from '../../credentials/pod-credentials.ts';
import type { PullIdentity } from '../../credentials/pull-secrets.ts';
import type { KubernetesApi } from '../../kubernetes/api.ts';
import { KubernetesError } from '../../kubernetes/error.ts';
import { decide, type Rules } from '../../pin/decide.ts';
import { type AnnotationChanges, fits } from '../../pin/json-patch.ts';
import { sentence } from '../../resolve/failure.ts';
import { type ImageOutcome, pinImages } from '../../resolve/pin-images.ts';
import { hashOf, isRevisionKind, type RevisionKind, revisionKinds } from '../../revision/kinds.ts';
import { readPins, storePins } from '../../revision/pins.ts';

/** What `tagpin adopt` did with a revision. */
export interface AdoptedRevision extends Pick<RevisionInUse, 'kind' | 'name'> {
  images: readonly Adoption[];
  /** Why nothing was stored, if something prevented it. */
  problem: RevisionProblem | undefined;
}

export interface RevisionProblem {
  /**
   * `deleted`: only its pods still exist. `unkept`: its kind has nowhere to store digests. `unwritten`: the API server
   * didn't accept them. `interrupted`: the process ended before the result was known.
   */
  kind: 'deleted' | 'unkept' | 'unwritten' | 'interrupted';
  message: string;
}

export interface AdoptContext extends Pick<Cluster, 'engine' | 'podCredentials' | 'signal'> {
  api: Pick<KubernetesApi, 'annotate'>;
  namespace: string;
  rules: Rules;
  prefer: Preference | undefined;
  /** Whether to write nothing. */
  isDryRun: boolean;
}

/** Stores with a revision what its pods run, for the images where that is certain. Never rejects. */
export async function adoptRevision(
  revision: RevisionInUse,
  context: AdoptContext,
): Promise<AdoptedRevision> {
  const { kind, name, cohorts, object } = revision;
  if (object === undefined) return { kind, name, images: [], problem: deleted };
  if (object.template === undefined) return { kind, name, images: [], problem: undefined };
  const { prefer, namespace } = context;
  const observed = observe(decide(object.template, context.rules), cohorts);
  if (!isRevisionKind(kind)) {
    const images = judge(observed, undefined, prefer, new Map());
    return { kind, name, images, problem: images.length === 0 ? undefined : unkept };
  }
  const hash = hashOf(kind, object.labels);
  const stored = readPins(object.annotations, hash);
  const queries = registryQueries(observed, stored, prefer);
  const identity = pullIdentityOf(namespace, object.template.spec);
  const results = await askRegistry(queries, identity, context);
  const images = judge(observed, stored, prefer, results);
  const pins = pinsToStore(images, stored);
  const changes = pins && storePins(object.annotations, hash, pins, Date.now(), object.copies);
  if (changes === undefined || Object.keys(changes).length === 0) {
    return { kind, name, images, problem: undefined };
  }
  const problem = await write(kind, name, object, changes, context);
  return { kind, name, images: images.some(isAdopted) ? images : images.map(renewed), problem };
}

const isAdopted = ({ state }: Adoption) => state === 'adopted';

/** A digest that is stored again under a newer key, because the Deployment's copy would have overridden it. */
function renewed(adoption: Adoption): Adoption {
  if (adoption.state !== 'stored') return adoption;
  return {
    ...adoption,
    state: 'adopted',
    notes: ['its Deployment has a newer copy of others', ...adoption.notes],
  };
}

/** A revision that wasn't finished before the process ended. */
export const notYet = ({ kind, name }: RevisionInUse): AdoptedRevision => ({
  kind,
  name,
  images: [],
  problem: { kind: 'interrupted', message: 'ended before this was known; run it again' },
});

const deleted: RevisionProblem = { kind: 'deleted', message: 'it has been deleted, and its pods will be' };
const unkept: RevisionProblem = {
  kind: 'unkept',
  message:
    "a ReplicationController can't store digests; its new pods get the digest of its oldest pinned pod",
};

async function write(
  kind: RevisionKind,
  name: string,
  { annotations }: RevisionObject,
  changes: AnnotationChanges,
  { api, namespace, isDryRun, signal }: AdoptContext,
): Promise<RevisionProblem | undefined> {
  if (!fits(annotations, changes)) {
    return {
      kind: 'unwritten',
      message: 'its annotations would exceed 256 KiB; remove some',
    };
  }
  if (isDryRun) return undefined;
  try {
    await api.annotate(revisionKinds[kind].resource, namespace, name, changes, signal);
    return undefined;
  } catch (error) {
    if (!(error instanceof KubernetesError)) throw error;
    return { kind: 'unwritten', message: `it can't be written: ${error.message}; ${remedyFor(error)}` };
  }
}

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
      : `asked for ${digest}, the registry answers with another digest; ${ROLL_OUT}`;
  }
  if (outcome.result === 'failed' && outcome.failure.label === 'not_found') {
    return `the registry doesn't have ${digest}, which runs; ${PUSH}, or ${ROLL_OUT}`;
  }
  return `the registry can't be asked for ${digest}: ${problemOf(outcome)}`;
}

/** What there is to do about a digest that no registry has. */
const PUSH = 'push it there again from a node or a mirror, and run adopt again';
const ROLL_OUT = 'roll out what the tag has now: new pods get it anyway';

function problemOf(outcome: ImageOutcome): string {
  if (outcome.result !== 'failed') return '';
  const { error, failure } = outcome;
  return sentence(atCommandLine(failure, error));
}
