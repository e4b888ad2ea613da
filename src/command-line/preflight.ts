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
      'report what enforce would refuse in a namespace, and whether the installation works; nothing is written',
    )
    .argument('[namespace]', 'opted in or not, with tagpin installed or not', parseNamespace)
    .addOption(namespace('the same as the argument'))
    .addOption(output('print an object instead of tables', 'json'))
    .addOption(dockerConfig("credentials in addition to the pods' pull secrets"));
  for (const option of cluster()) command.addOption(option);
  command
    .addOption(registryConfig("the webhook's configuration, for its skip patterns and registries"))
    .addOption(concurrency("requests at a time to one registry; by default the configuration's, 16"))
    .addOption(timeout('time limit for the whole command', 120_000, '2m'));
  exitCodes(command, { 0: 'no problem', 1: 'there are problems (see the tables)', 3: 'failed' });
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
