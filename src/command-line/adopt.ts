import { Option } from 'commander';
import type { AdoptOptions } from '../commands/adopt/adopt.ts';
import type { ClusterOptions } from '../console/runtime.ts';
import {
  chosenNamespace,
  cluster,
  concurrency,
  type Declare,
  dockerConfig,
  exitCodes,
  namespace,
  output,
  parseNamespace,
  registryConfig,
  timeout,
} from './options.ts';

export const declareAdopt: Declare = (program, runtime) => {
  const command = program
    .command('adopt')
    .description("store the digests that a namespace's pods run now in their revisions")
    .argument('[namespace]', 'before it opts in: then nothing changes until the next rollout', parseNamespace)
    .addOption(namespace('the same as the argument'))
    .option('--dry-run', 'only show what would be stored')
    .addOption(
      new Option(
        '--prefer <which>',
        'if pods of a revision run several digests, take the digest of these',
      ).choices(['newest', 'oldest']),
    )
    .addOption(output('print an object instead of a table', 'json'))
    .addOption(dockerConfig("credentials in addition to the pods' pull secrets"));
  for (const option of cluster()) command.addOption(option);
  command
    .addOption(registryConfig("the webhook's configuration, for its skip patterns and registries"))
    .addOption(concurrency('revisions at a time', 8))
    .addOption(timeout('time limit for the whole command', 300_000, '5m'));
  exitCodes(command, { 0: 'everything is stored', 1: 'something is not (see the table)', 3: 'failed' });
  command.action(
    async (named: string | undefined, options: AdoptOptions & ClusterOptions & { namespace?: string }) => {
      const chosen = chosenNamespace(command, named, options.namespace);
      const { adopt } = await import('../commands/adopt/adopt.ts');
      await runtime.end(await adopt(chosen, options, runtime.context(options)));
    },
  );
};
