import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { PINS } from '../../src/revision/pins.ts';
import type { Admission } from '../admission.ts';
import { CACHE_AGE_MS, type Cluster } from '../cluster.ts';
import { Deployment } from '../deployment.ts';
import { imageOf, shortImage } from '../pods.ts';
import { build } from '../registries.ts';
import { isTally, tallyOf, together } from '../tally.ts';
import type { Stage } from './stage.ts';

const FIRST = '6d4cf56db6';
const SECOND = '7c5ddbdf54';
const REPLICAS = 3;

/** The digest belongs to the revision: all its pods get it, without a registry request. */
export async function oneRolloutOneDigest(
  { registries: { open }, admissions, report, signal }: Stage,
  { api }: Cluster,
) {
  report.chapter("3. One rollout, one digest: a Deployment's ReplicaSet is created");
  const image = `${open.host}/web:1.2`;
  const pinned = () => `${open.host}/web@${open.digest('web', '1.2')}`;
  const deployment = new Deployment(api, admissions, image);
  const firstImage = pinned();
  const pins = JSON.stringify({ [image]: open.digest('web', '1.2') });
  const { sent, stored: first } = await deployment.rollOut(FIRST);
  const [[key, value] = ['', ''], ...others] = Object.entries(first.metadata.annotations ?? {});
  const kept = key.startsWith(`${PINS}${FIRST}.`) && value === pins;
  const same = isDeepStrictEqual(first['spec'], sent['spec']);
  report.claim(
    'its template is unchanged; the digest is stored in its metadata',
    kept && same && others.length === 0,
  );
  report.quote(`${key}: ${value}`);

  report.heads(cells([`web-${FIRST}`, `web-${SECOND}`]));
  open.push('web', '1.2', build('web, third build'));
  const secondImage = pinned();
  // now only the ReplicaSet has the first build's digest
  await delay(CACHE_AGE_MS * 1.1, undefined, { signal });
  const pods = await deployment.createPods(first, REPLICAS);
  const moved = secondImage !== firstImage;
  report.claim('the tag moves; its three pods', moved && allRun(pods, firstImage), cells([seen(pods)]));

  deployment.deletePods(pods);
  const replaced = await deployment.createPods(first, REPLICAS);
  report.claim('deleted, and created again', allRun(replaced, firstImage), cells([seen(replaced)]));

  const { stored: second } = await deployment.rollOut(SECOND);
  const next = await deployment.createPods(second, REPLICAS);
  deployment.deletePods(replaced);
  report.claim('the next rollout: the new build', allRun(next, secondImage), cells(['', seen(next)]));

  const back = await deployment.createPods(first, REPLICAS);
  deployment.deletePods(next);
  report.claim('rolled back: the old build again', allRun(back, firstImage), cells([seen(back)]));

  const ofFirst = [...pods, ...replaced, ...back];
  const tally = tallyOf(together(ofFirst.map(({ asked }) => asked)));
  report.claim(
    `for all ${ofFirst.length} pods of web-${FIRST}`,
    isTally(tally, { metadata: 1, cluster: 1 }),
    `${tally.all} registry requests, ${tally.secrets} Secrets read, ${tally.metadata} metadata read`,
  );
}

const allRun = (pods: readonly Admission[], image: string) =>
  pods.length === REPLICAS && pods.every(({ allowed, pod }) => allowed && imageOf(pod) === image);

/** All images of the admitted pods. */
const seen = (pods: readonly Admission[]) =>
  [...new Set(pods.map(({ pod }) => shortImage(imageOf(pod))))].join(' ');

const COLUMN = 26;

/** A column for each of the two ReplicaSets, at the right end of the line. */
const cells = ([first = '', second = '']: string[]) => first.padEnd(COLUMN) + second.padEnd(COLUMN - 2);
