import { stringify } from 'yaml';
import { z } from 'zod';
import { remedyFor } from '../../access/remedies.ts';
import type { Config } from '../../config.ts';
import { each } from '../../console/exit.ts';
import type { Audit, Problem } from '../../fleet/audit.ts';
import type { AuditedImage } from '../../fleet/audited-image.ts';
import { type Fix, fix, needsFix } from '../../fleet/fix.ts';
import { printWorkload, workloadKind, workloadKinds } from '../../fleet/workload.ts';
import { printable } from '../../image/excerpt.ts';
import type { KubernetesApi } from '../../kubernetes/api.ts';
import { KubernetesError } from '../../kubernetes/error.ts';

export interface FixContext {
  api: Pick<KubernetesApi, 'read'>;
  config: Pick<Config, 'pin'>;
  signal: AbortSignal;
}

export interface Fixes {
  text: string;
  problems: Problem[];
}

/** Workloads read at a time: few, because the API server has other clients. */
const CONCURRENCY = 8;

/** The manifests of all workloads that need a change, each below its remarks as comments. */
export async function printFixes(audit: Audit, isJson: boolean, context: FixContext): Promise<Fixes> {
  const workloads = [
    ...Map.groupBy(audit.images.filter(needsFix), ({ workload }) =>
      [workload.namespace, workload.apiVersion, workload.kind, workload.name].join(' '),
    ).values(),
  ];
  const fixes: (Fix & { images: readonly AuditedImage[] })[] = [];
  const problems: Problem[] = [];
  await each(workloads, CONCURRENCY, async (images, index) => {
    const made = await fixOne(images, context, problems);
    fixes[index] = { ...made, images };
  });
  if (isJson) {
    const items = fixes.flatMap(({ manifest }) => manifest ?? []);
    return { text: `${JSON.stringify({ apiVersion: 'v1', kind: 'List', items }, undefined, 2)}\n`, problems };
  }
  return { text: fixes.map(printFix).join(''), problems };
}

async function fixOne(
  images: readonly AuditedImage[],
  { api, config, signal }: FixContext,
  problems: Problem[],
): Promise<Fix> {
  const [first] = images;
  if (first === undefined) return { manifest: undefined, remarks: [] };
  const { workload } = first;
  const kind = workloadKind(workload);
  if (kind === undefined) {
    const remarks = images.map(
      ({ container, use }) => `tagpin doesn't know ${workload.kind}: write ${use} for ${container}`,
    );
    return { manifest: undefined, remarks };
  }
  const { namespace, name } = workload;
  try {
    const object = await api.read(workloadKinds[kind], namespace, name, z.unknown(), signal);
    if (object === undefined) return { manifest: undefined, remarks: ['it has been deleted meanwhile'] };
    return fix(kind, object, images, config.pin);
  } catch (error) {
    if (!(error instanceof KubernetesError)) throw error;
    const message = `${printWorkload(workload)} of namespace ${namespace} can't be read: ${error.message}; ${remedyFor(error)}`;
    problems.push({ message, images: undefined });
    return { manifest: undefined, remarks: ["it can't be read"] };
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
  const head = [`${printWorkload(first.workload)} in ${first.workload.namespace}: ${names}`, ...remarks];
  const comment = head.map((line) => `# ${printable(line)}\n`).join('');
  // No anchors, because not every parser of manifests reads them.
  const body =
    manifest === undefined ? '' : stringify(manifest, { lineWidth: 0, aliasDuplicateObjects: false });
  return `---\n${comment}${body}`;
}
