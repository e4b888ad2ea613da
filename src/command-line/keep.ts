import { InvalidArgumentError, Option } from 'commander';
import { type KeepOptions, keepFormats } from '../commands/keep/options.ts';
import type { ClusterOptions } from '../console/runtime.ts';
import { faultOfName } from '../hold/name.ts';
import {
  cluster,
  collect,
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

export const declareKeep: Declare = (program, runtime) => {
  const command = program
    .command('keep')
    .description(
      'list the digests that registries must not delete, because pods or revisions need them; or keep them',
    )
    .argument('[namespace...]', 'only these namespaces; all by default', (name: string, before?: string[]) =>
      collect(parseNamespace(name), before),
    );
  for (const option of namespaces()) command.addOption(option);
  command
    .addOption(output('the format instead of a table: for those who delete', ...keepFormats))
    .option('--history', "also older ControllerRevisions, and ReplicaSets beyond their Deployment's history")
    .addOption(
      repeated(
        '--registry <pattern>',
        'only registries or repositories that match this glob; may be repeated',
      ),
    )
    .option('--hold', 'push an index to each repository, under a tag, that keeps the digests in use')
    .addOption(
      new Option('--cluster <name>', "the cluster's name in that tag, tagpin-keep-NAME").argParser(
        parseCluster,
      ),
    )
    .option('--tag-each', 'hold by a tag for each digest, where garbage collection follows no index')
    .addOption(
      repeated('--release <repository>', 'also release the hold of this repository; may be repeated'),
    )
    .option('--touch', 'read each manifest once, which counts as a pull')
    .option('--dry-run', 'only show what --hold would write')
    .addOption(dockerConfig("credentials that may push; by default docker's or Podman's own file"));
  for (const option of cluster()) command.addOption(option);
  command
    .addOption(registryConfig())
    .addOption(concurrency('repositories at a time', 8))
    .addOption(timeout('time limit for the whole command', 600_000, '10m'))
    .addHelpText(
      'after',
      `
For example, to keep what runs in this cluster: tagpin keep --hold --cluster prod --registry registry.example.com`,
    );
  exitCodes(command, {
    0: 'done',
    1: 'a digest in use is gone from its registry (--hold or --touch)',
    3: 'the list or a hold is incomplete',
  });
  command.action(
    async (named: readonly string[], options: KeepOptions & ClusterOptions & { context?: string }) => {
      const { keep } = await import('../commands/keep/keep.ts');
      const chosen = [...new Set([...named, ...(options.namespace ?? [])])];
      const scope = chosen.length === 0 ? {} : { namespace: chosen };
      await runtime.end(await keep({ ...options, ...scope }, runtime.context(options)));
    },
  );
};

const repeated = (flags: string, description: string) => new Option(flags, description).argParser(collect);

function parseCluster(name: string): string {
  const fault = faultOfName(name);
  if (fault !== undefined) throw new InvalidArgumentError(fault);
  return name;
}
