import type { PinOptions } from '../commands/pin/options.ts';
import { WrongUse } from '../console/exit.ts';
import type { ClusterOptions } from '../console/runtime.ts';
import {
  cluster,
  collect,
  concurrency,
  type Declare,
  dockerConfig,
  empty,
  exitCodes,
  namespace,
  output,
  registryConfig,
  timeout,
} from './options.ts';

export const declarePin: Declare = (program, runtime) => {
  const command = program
    .command('pin')
    .description('write digests into manifests, and change nothing else of them')
    .argument('[file...]', 'files, folders, patterns; - for standard input, a KRM ResourceList too')
    .option('--in-place', 'write the manifests back to where they came from')
    // Any other word is a folder, so this parser replaces the one for choices.
    .addOption(
      output('a report in place of manifests; any other word: the folder to write them to', 'json').argParser(
        parseOutput,
      ),
    )
    .option('--lock <file>', 'remember digests there, and take those that it has')
    .option('--frozen', "… and ask no registry: an image that it hasn't is an error")
    .option('--update [image...]', '… but resolve these anew, or all')
    .option('--unpin', 'write images again as they were written, by the lock')
    .option('--check', 'only list what is not pinned; what the lock has counts as pinned')
    .option('--keep-tag', 'nginx:1.27@sha256:… in place of nginx@sha256:…')
    .option('--pull-policy', 'imagePullPolicy: IfNotPresent for what is pinned')
    .option(
      '--image-field <kind.group:path>',
      'where a custom resource has an image or a pod spec, again for each',
      collect,
    )
    .option('--field-specs <file>', 'the same, as a configuration of kustomize has it')
    .addOption(dockerConfig())
    .addOption(namespace('resolve as a pod of this namespace would, by its pull secrets'))
    .option('--service-account <name>', "… with this ServiceAccount's; without it default")
    .option('--pull-secret <name>', '… with this one instead, again for each', collect);
  for (const option of cluster()) command.addOption(option);
  command
    .addOption(registryConfig("the webhook's configuration: what it skips, and its registries"))
    .addOption(concurrency("images asked for at once of a registry; without it the configuration's, 16"))
    .addOption(timeout('for all images together', 300_000, '5m'));
  exitCodes(command, {
    0: 'all pinned',
    1: '--check found what is not',
    3: 'something failed; the rest is done',
  }).action(async (named: string[], options: PinOptions & ClusterOptions) => {
    const { files, ...rest } = withFiles(named, options);
    if (files.length === 0) throw new WrongUse('name a file or a folder, or - for standard input');
    const { pin } = await import('../commands/pin/pin.ts');
    await runtime.end(await pin(files, { ...options, ...rest }, runtime.context(options)));
  });
};

function parseOutput(value: string, before?: readonly string[]): string[] {
  if (value === '') throw new WrongUse(empty('--output', 'a folder or json'));
  return collect(value, before);
}

/** `--update k8s/` parses what follows as images. If there are no files then, they are the files. */
function withFiles(
  files: string[],
  { update }: PinOptions,
): Pick<PinOptions, 'update'> & { files: string[] } {
  return files.length === 0 && Array.isArray(update) ? { files: update, update: true } : { files, update };
}
