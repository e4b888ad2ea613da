import { dirname } from 'node:path';
import type { Cluster } from '../../access/cluster.ts';
import { CommandFailed, type ExitCode, exitCode, WrongUse } from '../../console/exit.ts';
import type { Terminal } from '../../console/terminal.ts';
import { isFolder, writeWhole } from '../../console/write-file.ts';
import type { Audit, Problem } from '../../fleet/audit.ts';
import type { AuditedImage } from '../../fleet/audited-image.ts';
import type { FindingKind } from '../../fleet/finding.ts';
import { printable } from '../../printable.ts';
import { printAuditCsv, printAuditJson, printAuditYaml, printPolicyReports } from './data.ts';
import type { Fixes } from './fix.ts';
import type { AuditOptions } from './options.ts';
import { printAuditTables } from './table.ts';

interface OutputContext extends Pick<Cluster, 'api' | 'config' | 'signal'> {
  terminal: Terminal;
}

/** @throws WrongUse if the output can't be written, before anything is read */
export function checkOutput({ output, html, fix, fixReplace }: AuditOptions): void {
  if (fix && fixReplace) {
    throw new WrongUse('--fix is for kubectl apply, and --fix-replace for kubectl replace: give one of them');
  }
  const option = fixReplace ? '--fix-replace' : '--fix';
  if ((fix || fixReplace) && output !== undefined && output !== 'yaml' && output !== 'json') {
    throw new WrongUse(`${option} prints manifests, in YAML or JSON: leave out -o ${output}, or ${option}`);
  }
  if (html === undefined || isFolder(dirname(html))) return;
  throw new WrongUse(`--html ${html}: there is no folder ${dirname(html)}; create it, or correct the path`);
}

/** Writes the audit in the formats of the options, and its problems to standard error. Returns problems that occur here. */
export async function writeAudit(
  audit: Audit,
  options: AuditOptions,
  context: OutputContext,
): Promise<readonly Problem[]> {
  const { terminal } = context;
  if (options.html !== undefined) {
    const { printAuditPage } = await import('./page.ts');
    // With all images, whatever --only says: the page has its own filter.
    writePage(options.html, printAuditPage(audit));
  }
  const { text, problems, said } = await print(onlyThese(audit, options.only), options, context);
  terminal.out(text);
  for (const message of said) terminal.err(`tagpin: ${printable(message)}\n`);
  for (const { message, images } of [...audit.problems, ...problems]) {
    const count = images === undefined ? '' : ` (${images === 1 ? '1 container' : `${images} containers`})`;
    terminal.err(`tagpin: ${printable(message)}${count}\n`);
  }
  return problems;
}

/** @throws CommandFailed */
function writePage(path: string, text: string): void {
  try {
    writeWhole(path, text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CommandFailed(`${path} can't be written: ${why}; correct --html, or its folder's permissions`);
  }
}

async function print(audit: Audit, options: AuditOptions, context: OutputContext): Promise<Fixes> {
  const { output, fix, fixReplace } = options;
  if (!fix && !fixReplace) return { text: await printAudit(audit, output), problems: [], said: [] };
  const { printFixes } = await import('./fix.ts');
  return printFixes(audit, { isJson: output === 'json', isReplaced: fixReplace ?? false }, context);
}

async function printAudit(audit: Audit, output: AuditOptions['output']): Promise<string> {
  if (output === 'json') return printAuditJson(audit);
  if (output === 'yaml') return printAuditYaml(audit);
  if (output === 'csv') return printAuditCsv(audit);
  if (output === 'policyreport' || output === 'openreports') {
    return printPolicyReports(audit, output);
  }
  return printAuditTables(audit, { isWide: output === 'wide' });
}

/** The audit with only the images that have one of these findings, or whose namespace has. */
function onlyThese(audit: Audit, kinds: readonly FindingKind[] | undefined): Audit {
  if (kinds === undefined) return audit;
  const has = ({ findings }: Pick<AuditedImage, 'findings'>) =>
    findings.some(({ kind }) => kinds.includes(kind));
  const whole = new Set(audit.namespaces.filter(has).map(({ name }) => name));
  const images = audit.images.filter((image) => has(image) || whole.has(image.workload.namespace));
  return { ...audit, images };
}

/** An incomplete audit has failed, whatever it found. */
export function exitCodeOf({ namespaces, problems }: Audit, failOn: readonly FindingKind[] = []): ExitCode {
  if (problems.length > 0) return exitCode.failed;
  const found = failOn.filter((kind) =>
    namespaces.some(
      ({ counts, findings }) => (counts[kind] ?? 0) > 0 || findings.some((finding) => finding.kind === kind),
    ),
  );
  if (found.some((kind) => kind !== 'ineffective')) return exitCode.findings;
  return found.length > 0 ? exitCode.ineffective : exitCode.done;
}
