import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import config from '../../rolldown.config.ts';
import { makeFolder } from '../support/folder.ts';

test('the bundle can be started as a program through a symbolic link, as npm installs it', async () => {
  using folder = makeFolder();
  await using bundle = await rolldown(config);
  await bundle.write({ ...config.output, dir: folder.path, cleanDir: false });
  const program = join(folder.path, config.output.entryFileNames);
  expect(execFileSync(program, ['--version'], { encoding: 'utf8' }).trim()).toBe(packageJson.version);
}, 60_000);
