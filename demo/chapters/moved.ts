import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { patched } from '../../test/support/api-server/patch.ts';
import { podSchema } from '../../test/support/pod.ts';
import type { Admission } from '../admission.ts';
import { CACHE_AGE_MS } from '../cluster.ts';
import { imageOf, podOf } from '../pods.ts';
import { build } from '../registries.ts';
import { type Stage, seen } from './stage.ts';

/** The existing pod keeps its digest, and a new one gets the new build. */
export async function theTagMoves(
  { registries: { open }, admissions, report, signal }: Stage,
  { pod }: Admission,
) {
  report.chapter('2. The tag moves: another build is pushed as web:1.2');
  const written = podOf(`${open.host}/web:1.2`);
  const moved = `${open.host}/web@${open.push('web', '1.2', build('web, second build'))}`;
  await delay(CACHE_AGE_MS * 1.1, undefined, { signal });
  const later = await admissions.admit(written, { namespace: 'shop' });
  const isNew = imageOf(later.pod) === moved && moved !== imageOf(pod);
  report.claim(`a new pod, ${CACHE_AGE_MS / 1000} s (cache.age) later: the new build`, isNew, seen(later));

  // only now, when the cache has the new build, so the old digest can only come from the pod
  const applied = podSchema.parse(patched(pod, written, 'application/strategic-merge-patch+json'));
  const again = await admissions.admit(applied, { namespace: 'shop', oldPod: pod });
  const stays = imageOf(applied) !== imageOf(pod) && isDeepStrictEqual(again.pod, pod);
  report.claim('the same manifest applied again: the pod is unchanged', stays, seen(again));
  return { later, again };
}
