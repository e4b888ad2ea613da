import type { PreflightOptions } from '../commands/preflight/preflight.ts';
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

export const declarePreflight: Declare = (program, runtime) => {
  const command = program
    .command('preflight')
    .description(
      'say what enforce would refuse in a namespace, and whether all is there for it; nothing is written',
    )
    .argument('[namespace]', 'opted in or not, with tagpin installed or not', parseNamespace)
    .addOption(namespace('the same, as kubectl has it'))
    .addOption(output('instead of tables, an object', 'json'))
    .addOption(dockerConfig("credentials beside the pods' pull secrets"));
  for (const option of cluster()) command.addOption(option);
  command
    .addOption(registryConfig("the webhook's configuration: what it skips, and its registries"))
    .addOption(concurrency("images asked for at once of a registry; without it the configuration's, 16"))
    .addOption(timeout('for everything', 120_000, '2m'));
  exitCodes(command, { 0: 'all is well', 1: 'something is not, and the tables say what', 3: 'failed' });
  command.action(
    async (
      named: string | undefined,
      options: PreflightOptions & ClusterOptions & { namespace?: string },
    ) => {
      const chosen = chosenNamespace(command, named, options.namespace);
      const { preflight } = await import('../commands/preflight/preflight.ts');
      await runtime.end(await preflight(chosen, options, runtime.context(options)));
    },
  );
};
