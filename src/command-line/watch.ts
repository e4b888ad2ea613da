import { InvalidArgumentError, Option } from 'commander';
import type { WatchOptions } from '../commands/watch/watch.ts';
import type { ClusterOptions } from '../console/runtime.ts';
import {
  cluster,
  concurrency,
  type Declare,
  dockerConfig,
  duration,
  exitCodes,
  namespaces,
  output,
  registryConfig,
  timeout,
} from './options.ts';

export const declareWatch: Declare = (program, runtime) => {
  const command = program
    .command('watch')
    .description('audit a cluster again and again, and serve what it finds as metrics');
  for (const option of namespaces()) command.addOption(option);
  command
    .addOption(output('print an object for each audit instead of a line', 'json'))
    .addOption(duration('--interval <duration>', 'from the end of an audit to the next', 300_000, '5m'))
    .addOption(
      new Option('--listen <address>', 'where /metrics and /healthz are served')
        .argParser(parseAddress)
        .default({ host: undefined, port: 8080 }, ':8080'),
    )
    .addOption(concurrency('images to look up at a time', 2))
    .addOption(dockerConfig("credentials in addition to the pods' pull secrets"));
  for (const option of cluster()) command.addOption(option);
  command
    .addOption(registryConfig("the webhook's configuration, for its skip patterns and registries"))
    .addOption(timeout('time limit for one audit', 600_000, '10m'));
  exitCodes(command, { 0: 'help was printed', 3: 'the first audit failed' });
  command.action(async (options: WatchOptions & ClusterOptions) => {
    const { watch } = await import('../commands/watch/watch.ts');
    await runtime.end(await watch(options, runtime.context(options)));
  });
};

/** `:8080`, `127.0.0.1:8080` or `[::1]:8080`. */
function parseAddress(text: string): WatchOptions['listen'] {
  const [, bracketed, host, port = ''] =
    /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/]*)):([0-9]{1,5})$/.exec(text) ?? [];
  if (port === '' || Number(port) > 65_535) {
    throw new InvalidArgumentError('Write an address and a port, such as :8080 or 127.0.0.1:8080.');
  }
  return { host: bracketed || host || undefined, port: Number(port) };
}
