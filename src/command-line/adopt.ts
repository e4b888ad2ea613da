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
    .description('store with the revisions of a namespace the digests that their pods run now')
    .argument('[namespace]', 'before it opts in: then nothing changes until the next rollout', parseNamespace)
    .addOption(namespace('the same, as kubectl has it'))
    .option('--dry-run', 'only show what would be stored')
    .addOption(
      new Option(
        '--prefer <which>',
        'where pods of a revision run several digests, take that of these',
      ).choices(['newest', 'oldest']),
    )
    .addOption(output('instead of a table, an object', 'json'))
    .addOption(dockerConfig("credentials beside the pods' pull secrets"));
  for (const option of cluster()) command.addOption(option);
  command
    .addOption(registryConfig("the webhook's configuration: what it skips, and its registries"))
    .addOption(concurrency('revisions dealt with at once', 8))
    .addOption(timeout('for everything', 300_000, '5m'));
  exitCodes(command, { 0: 'all is stored', 1: 'something is not, and the table says why', 3: 'failed' });
  command.action(
    async (named: string | undefined, options: AdoptOptions & ClusterOptions & { namespace?: string }) => {
      const chosen = chosenNamespace(command, named, options.namespace);
      const { adopt } = await import('../commands/adopt/adopt.ts');
      await runtime.end(await adopt(chosen, options, runtime.context(options)));
    },
  );
};
