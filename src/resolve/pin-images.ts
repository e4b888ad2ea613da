import type { Credentials, FoundCredentials } from '../credentials/credentials.ts';
import type { BrokenSecret } from '../credentials/keyring.ts';
import type { PullCredentials } from '../credentials/pull-secrets.ts';
import { type Reference, repository } from '../image/reference.ts';
import type { Decided } from '../pin/decide.ts';
import type { Pin } from '../pin/patch.ts';
import type { ImageField } from '../pin/walk.ts';
import type { RevisionDigest } from '../revision/revision-digests.ts';
import { type Circumstances, explain, type Failure, inWords } from './failure.ts';
import type { Resolution, Resolver } from './resolver.ts';

/** How one image came out. */
export type Outcome =
  | { field: ImageField; result: 'left'; reason: string }
  | {
      field: ImageField;
      result: 'pinned';
      pin: Pin;
      source: 'pod' | 'revision' | 'sibling' | 'cache' | 'registry' | 'stale';
      /** The pod's revision should have had the digest, and hadn't. */
      lacked?: boolean;
      /** What whoever created the pod should know about the digest. */
      remarks?: readonly string[];
      milliseconds: number;
    }
  | { field: ImageField; result: 'failed'; failure: Failure; error: unknown; milliseconds: number };

export interface Means {
  resolver: Pick<Resolver, 'resolve'>;
  /** Called once, and only if a registry is to be asked. */
  pullCredentials: () => Promise<PullCredentials>;
  /** Asked once for each repository of which something is to be resolved. */
  credentials: Pick<Credentials, 'find'>;
  /** Knows digests before a registry is asked, or has it asked; without it there is none before. */
  revision?: RevisionOfPod | undefined;
  /** Milliseconds; no answer of a registry's may be older, unless it can't be asked. */
  maxAge?: number | undefined;
  signal: AbortSignal;
}

/** The digest of an image as written: the one that the pod's revision knows, or else what `resolve` says. */
export type RevisionOfPod = (
  image: string,
  resolve: () => Promise<Resolution>,
) => Promise<RevisionDigest<Resolution>>;

export interface Settled {
  outcomes: Outcome[];
  /** Pull secrets that can't be read as what they are; found only if a registry was to be asked. */
  brokenSecrets: readonly BrokenSecret[];
}

/**
 * Brings every decision to its outcome, all at once; equal images are asked for once. Never rejects: what can't be
 * done for an image is that image's failure.
 */
export async function settle(decided: readonly Decided[], means: Means): Promise<Settled> {
  let pulled: Promise<PullCredentials> | undefined;
  const pull = () => {
    pulled ??= means.pullCredentials();
    return pulled;
  };
  const find = finder(pull, means);

  const outcomes = await Promise.all(
    decided.map(async ({ field, decision }): Promise<Outcome> => {
      const started = performance.now();
      const milliseconds = () => Math.round(performance.now() - started);
      switch (decision.action) {
        case 'leave':
          return { field, result: 'left', reason: decision.reason };
        case 'refuse':
          return failed(field, decision.error, undefined, milliseconds());
        case 'remember': {
          const pin = { field, reference: decision.reference, digest: decision.digest };
          return { field, result: 'pinned', pin, source: 'pod', milliseconds: milliseconds() };
        }
        case 'resolve':
          return resolve(field, decision.reference, { ...means, pull, find }, milliseconds);
      }
    }),
  );
  const found = await pulled?.catch(() => undefined);
  return { outcomes, brokenSecrets: found?.keyring.broken ?? [] };
}

type Find = (repository: string) => Promise<FoundCredentials>;

/** Finds credentials, once for each repository however many images of it there are. */
function finder(pull: () => Promise<PullCredentials>, { credentials, signal }: Means): Find {
  const found = new Map<string, Promise<FoundCredentials>>();
  return (name) => {
    const known = found.get(name) ?? pullThenFind(name);
    found.set(name, known);
    return known;
  };
  async function pullThenFind(name: string): Promise<FoundCredentials> {
    return credentials.find(name, (await pull()).keyring, signal);
  }
}

interface Ways extends Means {
  pull: () => Promise<PullCredentials>;
  find: Find;
}

async function resolve(
  field: ImageField,
  reference: Reference,
  { resolver, revision = withoutRevision, maxAge, signal, pull, find }: Ways,
  milliseconds: () => number,
): Promise<Outcome> {
  let found: FoundCredentials = { credentials: [], failures: [] };
  let secrets: PullCredentials | undefined;
  try {
    const { resolution, lacked } = await revision(field.image, async () => {
      secrets = await pull();
      found = await find(repository(reference));
      return await resolver.resolve(reference, found.credentials, signal, { maxAge });
    });
    const { digest, source } = resolution;
    const remarks = [
      ...(resolution.source === 'stale' ? [staleRemark(resolution.age, explain(resolution.error))] : []),
      ...(lacked ? [LACKED] : []),
    ];
    return {
      field,
      result: 'pinned',
      pin: { field, reference, digest },
      source,
      lacked,
      remarks,
      milliseconds: milliseconds(),
    };
  } catch (error) {
    return failed(field, error, circumstances(found, secrets), milliseconds());
  }
}

const withoutRevision: RevisionOfPod = async (_image, resolve) => ({
  resolution: await resolve(),
  lacked: false,
});

const LACKED =
  "its revision has no digest for it, since the tag couldn't be resolved when that was made; restart the rollout to store one";

function staleRemark(age: number, { cause }: Failure): string {
  return `pinned to what the tag was ${inWords(age / 1000)} ago: ${cause}`;
}

function failed(
  field: ImageField,
  error: unknown,
  at: Circumstances | undefined,
  milliseconds: number,
): Outcome {
  return { field, result: 'failed', failure: explain(error, at), error, milliseconds };
}

/** What was at hand when an image couldn't be resolved. */
export function circumstances(found: FoundCredentials, secrets: PullCredentials | undefined): Circumstances {
  return {
    credentials: found.credentials,
    missingSecrets: secrets?.missing ?? [],
    brokenSecrets: secrets?.keyring.broken.map(({ secret }) => secret.name) ?? [],
    secretsOfOtherTypes: secrets?.keyring.ofOtherTypes ?? [],
    sourceFailures: found.failures,
  };
}
