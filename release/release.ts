import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, succeed } from '../e2e/support/command.ts';
import packageJson from '../package.json' with { type: 'json' };
import type { Platform } from './platforms.ts';
import type { Registry } from './registry.ts';

export const project = join(import.meta.dirname, '..');
export const repository = 'https://github.com/tagpin/tagpin';
export const { version } = packageJson;

/** What every step of a release knows. */
export interface Release {
  readonly dryRun: boolean;
  /** The commit, and its time: the only time in any artifact, so that two builds are equal. */
  readonly revision: string;
  readonly created: Date;
  /** The folder of the artifacts. */
  readonly out: string;
  /** A folder for everything else; removed at the end. */
  readonly work: string;
  readonly platforms: readonly Platform[];
  readonly signal: AbortSignal;
}

/** A release that also has an image and a chart. */
export interface PublishedRelease extends Release {
  readonly registry: Registry;
}

/** Where a file of this version can be downloaded once it is released. */
export const downloadUrl = (file: string) => `${repository}/releases/download/v${version}/${file}`;

/** Runs git in the project, whose files may be another user's: images are built as root. */
const git = (...args: string[]) =>
  succeed(run(['git', '-c', `safe.directory=${project}`, ...args], { cwd: project }));

/** The commit that is checked out, and its time. */
export async function readRevision(): Promise<{ revision: string; created: Date }> {
  const text = await git('log', '-1', '--format=%H %ct');
  const [revision = '', seconds] = text.split(' ');
  return { revision, created: new Date(Number(seconds) * 1000) };
}

/** Why the commit that is checked out isn't what its version says it is; none in a release. */
export async function obstaclesTo(revision: string): Promise<string[]> {
  const changelog = readFileSync(join(project, 'CHANGELOG.md'), 'utf8');
  const tagged = (await git('tag', '--points-at', revision)).split('\n');
  return [
    ...(tagged.includes(`v${version}`) ? [] : [`the commit has no tag v${version}`]),
    ...((await git('status', '--porcelain')) === '' ? [] : ['files were changed']),
    ...(changelog.includes(`\n## [${version}]`) ? [] : [`CHANGELOG.md says nothing of ${version}`]),
  ];
}
