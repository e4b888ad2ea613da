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
  registryConfig,
  timeout,
} from './options.ts';

export const declareAudit: Declare = (program, runtime) => {
  const command = program
    .command('audit')
    .description(
      'show what runs in a cluster by tag and by digest, what became of the tags, what to use instead',
    );
  for (const option of namespaces()) command.addOption(option);
  command
    .addOption(output('instead of tables; wide names the pods', ...auditFormats))
    .option('--html <file>', 'write a page of it too, in one file')
    .option('--fix', 'print the manifests of the workloads with the images by digest, to be applied')
    .addOption(findings('--only <findings>', 'show only images with one of these'))
    .addOption(findings('--fail-on <findings>', 'exit with 1 if there is one of these'))
    .option('--no-registry', 'ask no registry: only what the cluster itself says')
    .addOption(concurrency('how many images to ask for at once', 16))
    .addOption(dockerConfig("credentials beside the pods' pull secrets"));
  for (const option of cluster()) command.addOption(option);
  command
    .addOption(registryConfig("the webhook's configuration: what it skips, and its registries"))
    .addOption(timeout('for everything; then it shows what is known', 600_000, '10m'))
    .addHelpText(
      'after',
      `
Every pod on latest or without a tag, and its manifest by the digest that it runs: tagpin audit --only latest --fix`,
    )
    .action(async (options: AuditOptions & ClusterOptions) => {
      const { audit } = await import('../commands/audit/audit.ts');
      await runtime.end(await audit(options, runtime.context(options)));
    });
  exitCodes(command, {
    0: 'done',
    1: 'there is what --fail-on names',
    3: "something couldn't be found out; the rest is shown",
  });
};

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
