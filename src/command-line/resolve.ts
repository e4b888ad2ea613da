import { InvalidArgumentError, Option } from 'commander';
import type { ResolveCommandOptions } from '../commands/resolve.ts';
import type { ClusterOptions } from '../console/runtime.ts';
import {
  cluster,
  collect,
  concurrency,
  type Declare,
  dockerConfig,
  exitCodes,
  namespace,
  output,
  registryConfig,
  timeout,
} from './options.ts';

export const declareResolve: Declare = (program, runtime) => {
  const command = program
    .command('resolve')
    .description('print the digest of each image, one per line')
    .argument('<image...>', 'images as in manifests: by tag, by digest or both')
    .addOption(output('print an array with an object for each image', 'json'))
    .addOption(
      new Option('--platform <platform>', 'the digest for this platform, such as linux/arm64').argParser(
        parsePlatform,
      ),
    )
    .addOption(dockerConfig())
    .addOption(namespace('resolve as a pod of this namespace, with its pull secrets'))
    .option('--service-account <name>', "the pod's ServiceAccount; by default, default")
    .option(
      '--pull-secret <name>',
      "a pull secret instead of the ServiceAccount's; may be repeated",
      collect,
    );
  for (const option of cluster()) command.addOption(option);
  command
    .addOption(registryConfig())
    .addOption(concurrency("requests at a time to one registry; by default the configuration's, 16"))
    .addOption(timeout('time limit for all images together', 30_000, '30s'));
  exitCodes(command, { 0: 'all resolved', 3: 'some could not be resolved' }).action(
    async (images: string[], options: ResolveCommandOptions & ClusterOptions) => {
      const { resolve } = await import('../commands/resolve.ts');
      await runtime.end(await resolve(images, options, runtime.context(options)));
    },
  );
};

/** As docker and crane write it. */
function parsePlatform(text: string): string {
  if (/^[a-z0-9]+\/[a-z0-9_]+(?:\/[a-z0-9.]+)?$/.test(text)) return text;
  throw new InvalidArgumentError('Write it as os/architecture, such as linux/arm64 or linux/arm/v7.');
}
