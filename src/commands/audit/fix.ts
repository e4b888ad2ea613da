import { stringify } from 'yaml';
import { z } from 'zod';
import { remedyFor } from '../../access/remedies.ts';
import type { Config } from '../../config.ts';
import { each } from '../../console/exit.ts';
import type { Audit, Problem } from '../../fleet/audit.ts';
import type { AuditedImage } from '../../fleet/audited-image.ts';
import { type Fix, fix, needsFix, WARNING } from '../../fleet/fix.ts';
import { printWorkload, workloadKind, workloadKinds } from '../../fleet/workload.ts';
import { printJson } from '../../json.ts';
import type { KubernetesApi } from '../../kubernetes/api.ts';
import { KubernetesError } from '../../kubernetes/error.ts';
import { printable } from '../../printable.ts';

export interface FixContext {
  api: Pick<KubernetesApi, 'read'>;
  config: Pick<Config, 'pin'>;
  signal: AbortSignal;
}

export interface Fixes {
  text: string;
  problems: Problem[];
  /** What the reader of the text has to know besides, each in a sentence. */
  said: string[];
}

/** Workloads read at a time: few, because the API server has other clients. */
const CONCURRENCY = 8;

type WorkloadFix = Fix & { images: readonly AuditedImage[] };

/**
 * The manifests of workloads that need a change, each below its remarks as comments: those that can be changed in place for
 * `kubectl apply`, or those that can't for `kubectl replace --force`.
 */
export async function printFixes(
  audit: Audit,
  { isJson, isReplaced }: { isJson: boolean; isReplaced: boolean },
  context: FixContext,
): Promise<Fixes> {
  const workloads = [
    ...Map.groupBy(audit.images.filter(needsFix), ({ workload }) =>
      [workload.namespace, workload.apiVersion, workload.kind, workload.name].join(' '),
    ).values(),
  ];
  const all: WorkloadFix[] = [];
  const problems: Problem[] = [];
  await each(workloads, CONCURRENCY, async (images, index) => {
    const made = await fixOne(images, context, problems);
    all[index] = { ...made, images };
  });
  const fixes = all.filter((fix) => fix.isReplaced === isReplaced);
  const items = fixes.flatMap(({ manifest }) => manifest ?? []);
  const text = isJson ? printJson({ apiVersion: 'v1', kind: 'List', items }) : fixes.map(printFix).join('');
  const others = all.filter((fix) => fix.isReplaced !== isReplaced && fix.manifest !== undefined);
  return { text, problems, said: [...warningsOf(fixes), ...whatElse(all, items.length, others, isReplaced)] };
}

/** Comments are lost in a pipe. */
const warningsOf = (fixes: readonly WorkloadFix[]) =>
  fixes.flatMap(({ remarks, images }) =>
    remarks
      .filter((remark) => remark.startsWith(WARNING))
      .map((remark) => `${WARNING}${nameOf(images)}, ${remark.slice(WARNING.length)}`),
  );

function whatElse(
  all: readonly WorkloadFix[],
  count: number,
  others: readonly WorkloadFix[],
  isReplaced: boolean,
): string[] {
  if (all.length === 0) return ['nothing to fix'];
  const nothing = count > 0 ? [] : [isReplaced ? 'nothing to replace' : 'nothing to apply'];
  if (others.length === 0) return nothing;
  const names = others.slice(0, MOST_NAMES).map(({ images }) => nameOf(images));
  const listed = [
    ...names,
    ...(others.length > MOST_NAMES ? [`${others.length - MOST_NAMES} more`] : []),
  ].join(', ');
  const how = isReplaced
    ? `${listed} can be changed in place: --fix prints that for kubectl apply -f -`
    : `${listed} can't be changed in place: --fix-replace prints that for kubectl replace --force -f -`;
  return [...nothing, how];
}

function nameOf([first]: readonly AuditedImage[]): string {
  return first === undefined ? '' : `${printWorkload(first.workload)} in ${first.workload.namespace}`;
}

const none = { manifest: undefined, isReplaced: false };

async function fixOne(
  images: readonly AuditedImage[],
  { api, config, signal }: FixContext,
  problems: Problem[],
): Promise<Fix> {
  const [first] = images;
  if (first === undefined) return { ...none, remarks: [] };
  const { workload } = first;
  const kind = workloadKind(workload);
  if (kind === undefined) {
    const remarks = images.map(
      ({ container, use }) => `tagpin doesn't know ${workload.kind}: write ${use} for ${container}`,
    );
    return { ...none, remarks };
  }
  const { namespace, name } = workload;
  try {
    const object = await api.read(workloadKinds[kind], namespace, name, z.unknown(), signal);
    if (object === undefined) return { ...none, remarks: ['it has been deleted meanwhile'] };
    return fix(kind, object, images, config.pin);
  } catch (error) {
    if (!(error instanceof KubernetesError)) throw error;
    const message = `${printWorkload(workload)} of namespace ${namespace} can't be read: ${error.message}; ${remedyFor(error)}`;
    problems.push({ message, images: undefined });
    return { ...none, remarks: ["it can't be read"] };
  }
}

/** With more names, the comment would hide the manifest. */
const MOST_NAMES = 10;

function printFix({ manifest, remarks, images }: Fix & { images: readonly AuditedImage[] }): string {
  const [first] = images;
  if (first === undefined) return '';
  const pods = [...new Set(images.flatMap((image) => image.pods))];
  const more = pods.length > MOST_NAMES ? ` and ${pods.length - MOST_NAMES} more` : '';
  const names = pods.length === 0 ? 'no pods now' : `pods ${pods.slice(0, MOST_NAMES).join(', ')}${more}`;
  const head = [`${nameOf(images)}: ${names}`, ...remarks];
  const comment = head.map((line) => `# ${printable(line)}\n`).join('');
  // No anchors, because not every parser of manifests reads them.
  const body =
    manifest === undefined ? '' : stringify(manifest, { lineWidth: 0, aliasDuplicateObjects: false });
  return `---\n${comment}${body}`;
}
