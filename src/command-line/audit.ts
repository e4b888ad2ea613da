import { InvalidArgumentError, Option } from 'commander';
import { type AuditOptions, auditFormats } from '../commands/audit/options.ts';
import type { ClusterOptions } from '../console/runtime.ts';
import { type FindingKind, findingKinds, isFindingKind } from '../fleet/finding.ts';
import {
  cluster,
  concurrency,
  type Declare,
  dockerConfig,
  exitCodes,
  namespaces,
  output,
  parseNamespace,
  registryConfig,
  timeout,
} from './options.ts';

export const declareAudit: Declare = (program, runtime) => {
  const command = program
    .command('audit')
    .description(
      'report what a cluster runs by tag and by digest, where tags have moved, and what to use instead',
    );
  command.argument('[namespace...]', 'only these namespaces', parseNamespaces);
  for (const option of namespaces()) command.addOption(option);
  command
    .addOption(output('the format instead of tables; wide shows everything, in long lines', ...auditFormats))
    .option('--html <file>', 'also write an HTML page to this file')
    .option('--fix', "print the workloads' manifests with images by digest, for kubectl apply -f -")
    .option('--fix-replace', 'those of bare Pods and Jobs, for kubectl replace --force -f -')
    .addOption(findings('--only <findings>', 'show only images with one of these findings'))
    .addOption(findings('--fail-on <findings>', 'exit with 1 if one of these findings occurs'))
    .option('--no-registry', 'ask no registry; report only what the cluster shows')
    .addOption(concurrency('images to look up at a time', 16))
    .addOption(dockerConfig("credentials in addition to the pods' pull secrets"));
  for (const option of cluster()) command.addOption(option);
  command
    .addOption(registryConfig("the webhook's configuration, for its skip patterns and registries"))
    .addOption(timeout('time limit for the audit, which then reports what it has', 600_000, '10m'))
    .addHelpText(
      'after',
      `
For example, the manifests by digest of all pods on latest or without a tag: tagpin audit --only latest --fix`,
    )
    .action(async (named: readonly string[], options: AuditOptions & ClusterOptions) => {
      const { audit } = await import('../commands/audit/audit.ts');
      const namespace = [...named, ...(options.namespace ?? [])];
      const scope = namespace.length === 0 ? {} : { namespace };
      await runtime.end(await audit({ ...options, ...scope }, runtime.context(options)));
    });
  exitCodes(command, {
    0: 'done',
    1: 'a finding of --fail-on occurs',
    3: 'the audit is incomplete',
    4: 'of the findings of --fail-on only ineffective occurs',
  });
};

const parseNamespaces = (name: string, before: readonly string[] = []) => [...before, parseNamespace(name)];

const findings = (flags: string, description: string) =>
  new Option(flags, `${description}, comma-separated`).choices(findingKinds).argParser(parseFindings);

/** May be repeated. */
function parseFindings(text: string, before: readonly FindingKind[] = []): FindingKind[] {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !isFindingKind(name));
  if (unknown !== undefined) {
    throw new InvalidArgumentError(`Write one or more of ${findingKinds.join(', ')}, comma-separated.`);
  }
  return [...before, ...names.filter(isFindingKind)];
}
