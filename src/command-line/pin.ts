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
    .description('write digests into manifests, and change nothing else')
    .argument('[file...]', 'files, folders, patterns; - for standard input, a KRM ResourceList too')
    .option('--in-place', 'write the manifests back to their files')
    // Any other word is a folder, so this parser replaces the one for choices.
    .addOption(
      output(
        'print a report instead of manifests; any other word is a folder to write them to',
        'json',
        'github',
        'sarif',
      ).argParser(parseOutput),
    )
    .option('--lock <file>', 'the lock file: use its digests, and add new ones')
    .option('--frozen', "with --lock, ask no registry; an image that isn't locked is an error")
    .option('--update [image...]', 'with --lock, resolve these images again, or all')
    .option('--unpin', 'with --lock, restore images as they were written')
    .option('--check', 'only list images that are not pinned; locked ones count as pinned')
    .option('--drop-tag', 'write nginx@sha256:… instead of nginx:1.27@sha256:…')
    .option('--keep-tag', 'the default')
    .option('--pull-policy', 'set imagePullPolicy: IfNotPresent for pinned images')
    .option(
      '--image-field <kind.group:path>',
      'where a custom resource has an image or a pod spec; may be repeated',
      collect,
    )
    .option('--field-specs <file>', 'the same, in a kustomize configuration file')
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
    .addOption(registryConfig("the webhook's configuration, for its skip patterns and registries"))
    .addOption(concurrency("requests at a time to one registry; by default the configuration's, 16"))
    .addOption(timeout('time limit for all images together', 300_000, '5m'));
  exitCodes(command, {
    0: 'all pinned',
    1: '--check found images that are not',
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
