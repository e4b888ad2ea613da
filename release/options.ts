import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { type PlatformName, platformName } from './platforms.ts';

export const usage = `npm run release -- [--dry-run] [--registry HOST] [--out FOLDER] [OPTION…]

Makes everything that a release of this version consists of, and checks it.
  --dry-run          in the working tree as it is, with bases made from this machine; signs with a key of its own
  --registry HOST    pushes image and chart there; plain HTTP if it is on loopback and has no --ca-file
  --ca-file FILE     the CA of the registry's certificate
  --out FOLDER       for the artifacts; by default release/out
  --platform NAME    only for this platform, such as linux-amd64; can be repeated
  --commands FOLDER  takes archives of the command that it has, instead of building them
  --only-commands    builds nothing else: on a machine whose platform can't be built elsewhere
  --build-base IMAGE, --base IMAGE
                     to build the image in, and on; by default the Dockerfile's. tagpin resolves their digests`;

export interface Options {
  readonly help: boolean;
  readonly dryRun: boolean;
  readonly registry: string | undefined;
  readonly caFile: string | undefined;
  readonly out: string;
  readonly platforms: readonly PlatformName[];
  readonly commands: string | undefined;
  readonly onlyCommands: boolean;
  readonly buildBase: string | undefined;
  readonly base: string | undefined;
}

export function readOptions(args: readonly string[]): Options {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: flag,
      'dry-run': flag,
      registry: text,
      'ca-file': text,
      out: { ...text, default: 'release/out' },
      platform: { ...text, multiple: true },
      commands: text,
      'only-commands': flag,
      'build-base': text,
      base: text,
    },
  });
  return {
    help: values.help,
    dryRun: values['dry-run'],
    registry: values.registry,
    caFile: values['ca-file'],
    out: resolve(values.out),
    platforms: z.array(platformName).parse(values.platform ?? platformName.options),
    commands: values.commands,
    onlyCommands: values['only-commands'],
    buildBase: values['build-base'],
    base: values.base,
  };
}
