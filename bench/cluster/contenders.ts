import { z } from 'zod';
import { image } from '../../test/support/registry/image.ts';
import type { Registry } from '../../test/support/registry/registry.ts';
import { MARK } from '../load/order.ts';
import { podOf } from '../reviews.ts';
import type { Check, Creator } from './creating.ts';
import { type ClusterStage, nullLabel } from './stage.ts';

/** Pods that are created in the same way, and what makes out that they were let in as they should be. */
export interface Contender {
  readonly name: string;
  readonly path: string;
  /** The next pod, as JSON. */
  next(): string;
  readonly check: Check;
}

const kind = { apiVersion: 'v1', kind: 'Pod' };
interface ReplicaSet {
  readonly hash: string;
  readonly uid: string;
}

const HASH = '6d4cf56db6';
const pinned: Check = (made) => made.includes('@sha256:');
const asWritten: Check = (made) => !made.includes('@sha256:');
const podsOf = (namespace: string) => `/api/v1/namespaces/${namespace}/pods`;
const numbered = (number: number) => String(number).padStart(MARK.length, '0');

/** Namespaces with all that differs between them, and pods that differ in nothing else. */
export async function prepare(
  stage: ClusterStage,
  creator: Creator,
  registry: Registry,
  count: number,
): Promise<Contender[]> {
  const pushed = image();
  registry.push('shop/web', '1.27', pushed);
  for (let number = 0; number < count; number++)
    registry.push(`shop/web-${numbered(number)}`, '1.27', pushed);
  const one = `${registry.host}/shop/web:1.27`;
  const pin = { 'tagpin.dev/pin': 'enforce' };
  await stage.addNamespace('unhooked');
  await stage.addNamespace('null', nullLabel('nothing'));
  await stage.addNamespace('null-patch', nullLabel('patch'));
  for (const name of ['stored', 'warm', 'cold']) await stage.addNamespace(name, pin);
  const uid = await rollOut(creator, 'stored', one);

  const pod = (namespace: string, reference: string, replicaSet?: ReplicaSet) =>
    JSON.stringify({
      ...podOf({ images: [reference], namespace, ...(replicaSet && { replicaSet }) }),
      ...kind,
    });
  const same = (name: string, check: Check, replicaSet?: ReplicaSet): Contender => {
    const body = pod(name, one, replicaSet);
    return { name, path: podsOf(name), next: () => body, check };
  };
  let number = 0;
  const cold = pod('cold', `${registry.host}/shop/web-${MARK}:1.27`);
  return [
    same('unhooked', asWritten),
    same('null', asWritten),
    same('null-patch', (made) => made.includes('example.com/patched')),
    same('stored', pinned, { hash: HASH, uid }),
    same('warm', pinned),
    {
      name: 'cold',
      path: podsOf('cold'),
      next() {
        if (number === count) throw new Error(`there are only ${count} images`);
        return cold.replaceAll(MARK, numbered(number++));
      },
      check: pinned,
    },
  ];
}

const made = z.object({
  metadata: z.object({ uid: z.string(), annotations: z.record(z.string(), z.string()) }),
});

/** A ReplicaSet of this image; its uid. The digest is stored with it as it is made. */
async function rollOut(creator: Creator, namespace: string, reference: string): Promise<string> {
  const labels = { app: 'web', 'pod-template-hash': HASH };
  const answer = await creator.create(`/apis/apps/v1/namespaces/${namespace}/replicasets`, {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { namespace, name: `web-${HASH}`, labels },
    spec: {
      replicas: 0,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'web', image: reference }] } },
    },
  });
  const { uid, annotations } = made.parse(answer).metadata;
  const stored = Object.keys(annotations).some((name) => name.startsWith(`pins.tagpin.dev/${HASH}.`));
  if (!stored) throw new Error('no digest is stored with the ReplicaSet');
  return uid;
}
