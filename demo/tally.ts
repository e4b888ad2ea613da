import { isDeepStrictEqual } from 'node:util';
import type { LoggedRequest } from '../test/support/request-log.ts';
import type { Asked } from './admission.ts';

/** The number of requests of each kind that an admission took. */
export interface Tally {
  /** HEAD of a manifest, answered 401. */
  readonly challenges: number;
  readonly tokens: number;
  /** HEAD of a manifest, answered 200. */
  readonly manifests: number;
  /** All requests to registries, of these kinds or not. */
  readonly all: number;
  readonly serviceAccounts: number;
  readonly secrets: number;
  /** Reads of a ReplicaSet's metadata only. */
  readonly metadata: number;
  /** All requests to the API server, of these kinds or not. */
  readonly cluster: number;
}

const columns = [
  ['HEAD 401', 'challenges'],
  ['token', 'tokens'],
  ['HEAD 200', 'manifests'],
  ['ServiceAccount', 'serviceAccounts'],
  ['Secret', 'secrets'],
] as const;
const GAP = '  ';

export const tallyHeads = columns.map(([head]) => head).join(GAP);

/** Counts the requests. */
export function tallyOf({ registries, serviceAccounts, secrets, cluster }: Asked): Tally {
  const heads = (status: number) => (request: LoggedRequest) =>
    request.method === 'HEAD' && request.path.includes('/manifests/') && request.status === status;
  return {
    challenges: registries.filter(heads(401)).length,
    tokens: registries.filter(({ method, path }) => method === 'GET' && path === '/token').length,
    manifests: registries.filter(heads(200)).length,
    all: registries.length,
    serviceAccounts: serviceAccounts.length,
    secrets: secrets.length,
    metadata: cluster.filter(isOfMetadata).length,
    cluster: cluster.length,
  };
}

const isOfMetadata = ({ method, path, headers }: LoggedRequest) =>
  method === 'GET' &&
  path.includes('/replicasets/') &&
  headers.accept?.includes('as=PartialObjectMetadata') === true;

/** The requests of several admissions together. */
export function together(all: readonly Asked[]): Asked {
  return {
    registries: all.flatMap(({ registries }) => registries),
    serviceAccounts: all.flatMap(({ serviceAccounts }) => serviceAccounts),
    secrets: all.flatMap(({ secrets }) => secrets),
    cluster: all.flatMap(({ cluster }) => cluster),
  };
}

/** The counts under their heads. */
export function tallyLine(tally: Tally): string {
  return columns.map(([head, key]) => String(tally[key]).padStart(head.length)).join(GAP);
}

/** Whether the counts are as expected, with 0 for those not given. */
export function isTally(tally: Tally, expected: Partial<Tally>): boolean {
  const ofRegistries = { challenges: 0, tokens: 0, manifests: 0, all: 0 };
  const ofCluster = { serviceAccounts: 0, secrets: 0, metadata: 0, cluster: 0 };
  return isDeepStrictEqual(tally, { ...ofRegistries, ...ofCluster, ...expected });
}
