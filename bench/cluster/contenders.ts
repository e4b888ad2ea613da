import { z } from 'zod';
import { namespaceObjects } from '../../test/support/cluster-objects.ts';
import { image } from '../../test/support/registry/image.ts';
import type { Registry } from '../../test/support/registry/registry.ts';
import { MARK, numbered } from '../stage/load.ts';
import { OPTED_IN, podOf, type Revision, replicaSetOf } from '../stage/reviews.ts';
import { bareLabel, type ClusterStage } from './stage.ts';

/** Pods that are created in the same way. */
export interface Contender {
  /** The collection of its pods. */
  readonly path: string;
  /** The next pod, as JSON. */
  next(): string;
  /** What stands in a pod that was let in as it should be. */
  readonly expected: string;
}

const HASH = '6d4cf56db6';
const PINNED = '@sha256:';
const made = z.object({
  metadata: z.object({ uid: z.string(), annotations: z.record(z.string(), z.string()) }),
});

/**
 * Namespaces with all that differs between the contenders, and pods that differ in nothing else.
 *
 * @param count how many pods the contender whose images nobody knows creates at most
 */
export async function prepare({ api, apply }: ClusterStage, registry: Registry, count: number) {
  const pushed = image();
  for (let number = 0; number <= count; number++)
    registry.push(`shop/web-${numbered(number)}`, '1.27', pushed);
  const images = [`${registry.host}/shop/web-${MARK}:1.27`];
  const byDigest = [
    `${registry.host}/shop/web-${MARK}@${registry.digest(`shop/web-${numbered(0)}`, '1.27')}`,
  ];
  const contender = async (
    namespace: string,
    labels: Readonly<Record<string, string>>,
    expected: string,
    { revisionOf, written = images }: { revisionOf?: () => Promise<Revision>; written?: string[] } = {},
  ): Promise<Contender> => {
    await apply(namespaceObjects(namespace, labels));
    const revision = await revisionOf?.();
    const body = JSON.stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      ...podOf({ images: written, namespace, revision }),
    });
    return { path: `/api/v1/namespaces/${namespace}/pods`, next: () => body, expected };
  };
  const rollOut = async () => {
    const replicaSet = JSON.stringify(replicaSetOf(HASH, images, 'stored'));
    const created = await api.create('/apis/apps/v1/namespaces/stored/replicasets', replicaSet);
    const { uid, annotations } = made.parse(JSON.parse(created)).metadata;
    if (!Object.keys(annotations).some((name) => name.startsWith(`pins.tagpin.dev/${HASH}.`)))
      throw new Error('no digest is stored with the ReplicaSet');
    return { hash: HASH, uid };
  };
  const cold = await contender('cold', OPTED_IN, PINNED);
  let number = 0;
  return {
    unhooked: await contender('unhooked', {}, ':1.27"'),
    bare: await contender('bare', bareLabel('nothing'), ':1.27"'),
    'bare-patch': await contender('bare-patch', bareLabel('patch'), 'example.com/patched'),
    stored: await contender('stored', OPTED_IN, PINNED, { revisionOf: rollOut }),
    warm: await contender('warm', OPTED_IN, PINNED),
    digest: await contender('digest', OPTED_IN, PINNED, { written: byDigest }),
    cold: { ...cold, next: () => cold.next().replaceAll(MARK, numbered(++number)) },
  };
}
