import type { Fault, ReceivedRequest } from '../../test/support/answering.ts';
import type { PodInput } from '../../test/support/pod.ts';
import type { Registry } from '../../test/support/registry/registry.ts';
import { MARK } from '../stage/load.ts';

/** What a tenant creates to take tagpin from the others, as pods and as Deployments in turn. */
export interface Attack {
  readonly name: string;
  /** How many of its creates are under way at once. */
  readonly atOnce: number;
  /** Of a pod; from the host of the registry that both tenants use. {@link MARK} is another number each time. */
  readonly images: (host: string) => readonly string[];
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly metadata?: PodInput['metadata'];
  /** That registry asks for credentials, which only the other tenant has. */
  readonly isPrivate?: boolean;
  /** The trouble with that registry, from the start. */
  readonly fault?: Registry['fault'];
}

const many = <T>(count: number, item: (index: number) => T) =>
  Array.from({ length: count }, (_, i) => item(i));
const secrets = (count: number) => many(count, (index) => ({ name: `secret-${index}` }));
const labels = (count: number) =>
  Object.fromEntries(many(count, (index) => [`label-${index}`, 'x'.repeat(40)]));
/** The first controls the pod and isn't there, so that its pods are looked for by their labels. */
const owners = (count: number) =>
  many(count, (index) => {
    const owner = { apiVersion: 'v1', kind: 'ReplicationController', name: `made-up-${index}` };
    return { ...owner, uid: `${index}`, controller: index === 0 };
  });

const newImage = (host: string) => [`${host}/attack/web-${MARK}:1`];
const newImages = (host: string) => many(500, (index) => `${host}/attack/web-${MARK}-${index}:1`);
const ofAttacker =
  (fault: Fault) =>
  ({ path }: ReceivedRequest) =>
    path.startsWith('/v2/attack/') ? fault : undefined;

export const attacks: readonly Attack[] = [
  {
    name: '20,000 imagePullSecrets',
    ...{ atOnce: 4, images: newImage, isPrivate: true },
    spec: { imagePullSecrets: secrets(20_000) },
  },
  {
    name: '20,000 labels, a controller that is not there',
    ...{ atOnce: 4, images: newImage },
    metadata: { labels: labels(20_000), ownerReferences: owners(1) },
  },
  {
    name: 'repositories that answer 500',
    ...{ atOnce: 6, images: newImage, fault: ofAttacker({ outcome: { status: 500 } }) },
  },
  {
    name: '500 images, the registry takes 150 ms',
    ...{ atOnce: 4, images: newImages, fault: { delayMs: 150 } },
  },
  { name: '20,000 invalid images', atOnce: 4, images: () => many(20_000, () => 'NO') },
  {
    name: 'pull secrets called ., .. and a/b',
    ...{ atOnce: 16, images: newImage, isPrivate: true },
    spec: { imagePullSecrets: [{ name: '.' }, { name: '..' }, { name: 'a/b' }] },
  },
  {
    name: 'everything at its limit',
    ...{ atOnce: 8, images: newImages, isPrivate: true },
    spec: { imagePullSecrets: secrets(100) },
    metadata: { labels: labels(500), ownerReferences: owners(100) },
  },
  {
    name: 'repositories that never answer',
    ...{ atOnce: 16, images: newImage, fault: ofAttacker({ outcome: 'hang' }) },
  },
  {
    name: '500 registries that refuse connections',
    atOnce: 4,
    // The discard port of other addresses of loopback, where nothing listens.
    images: () => many(500, (index) => `127.7.${index % 250}.${1 + (index % 2)}:9/${MARK}/web:1`),
  },
];
