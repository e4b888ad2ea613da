import { isDeepStrictEqual } from 'node:util';
import type { Admission } from '../admission.ts';
import { podOf } from '../pods.ts';
import { type Stage, seen } from './stage.ts';

/** An image that can't be pinned, in each mode. */
export async function aWrongTag({ registries: { open }, admissions, report }: Stage) {
  report.chapter('5. A tag that nobody pushed');
  const image = `${open.host}/web:9.9`;
  const why = `container "web": ${image}: not found (404 MANIFEST_UNKNOWN); push the tag or correct the image`;
  const enforce = await admissions.admit(podOf(image), { namespace: 'shop' });
  report.claim('enforce: refused', !enforce.allowed && enforce.message === why);
  report.quote(enforce.message);

  const bestEffort = await admissions.admit(podOf(image), { namespace: 'sandbox' });
  const warned = isUnchanged(bestEffort) && isDeepStrictEqual(bestEffort.warnings, [`not pinned: ${why}`]);
  report.claim('best-effort: admitted unchanged, with a warning', warned, seen(bestEffort));
  bestEffort.warnings.forEach((warning) => void report.quote(warning));

  const audit = await admissions.admit(podOf(image), { namespace: 'museum' });
  const reported = isUnchanged(audit) && isDeepStrictEqual(audit.warnings, [`can't be pinned: ${why}`]);
  report.claim('audit: admitted unchanged, with a warning', reported, seen(audit));
  audit.warnings.forEach((warning) => void report.quote(warning));

  const right = await admissions.admit(podOf(`${open.host}/web:1.2`), { namespace: 'museum' });
  const would = `container "web": ${open.host}/web:1.2: would be pinned to ${open.digest('web', '1.2')}`;
  const announced = isUnchanged(right) && isDeepStrictEqual(right.warnings, [would]);
  report.claim(
    'audit, with an existing tag: admitted unchanged, with what would be pinned',
    announced,
    seen(right),
  );
  right.warnings.forEach((warning) => void report.quote(warning));
}

const isUnchanged = ({ allowed, patched }: Admission) => allowed && !patched;
