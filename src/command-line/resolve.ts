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
    .description('print the digest of each image, one a line')
    .argument('<image...>', 'images as manifests have them: by tag, by digest or both')
    .addOption(output('more than the digest: an array, one object an image', 'json'))
    .addOption(dockerConfig())
    .addOption(namespace('resolve as a pod of this namespace would, by its pull secrets'))
    .option('--service-account <name>', "… with this ServiceAccount's; without it default")
    .option('--pull-secret <name>', '… with this one instead, again for each', collect);
  for (const option of cluster()) command.addOption(option);
  command
    .addOption(registryConfig())
    .addOption(concurrency("images asked for at once of a registry; without it the configuration's, 16"))
    .addOption(timeout('for all images together', 30_000, '30s'));
  exitCodes(command, { 0: 'all resolved', 3: 'some could not be resolved' }).action(
    async (images: string[], options: ResolveCommandOptions & ClusterOptions) => {
      const { resolve } = await import('../commands/resolve.ts');
      await runtime.end(await resolve(images, options, runtime.context(options)));
    },
  );
};
