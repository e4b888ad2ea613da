import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readCluster } from '../support/cluster.ts';
import { run } from '../support/command.ts';

const cluster = readCluster();
const project = join(import.meta.dirname, '../..');

test('actionlint finds nothing in the workflows', async () => {
  const workflows = globSync('.github/workflows/*.yml', { cwd: project });
  expect(workflows).not.toEqual([]);
  const found = await run([cluster.programs.actionlint, ...workflows], { cwd: project });
  expect(found).toMatchObject({ code: 0, stdout: '', stderr: '' });
});

test('the workflows name actions by their commits', () => {
  for (const workflow of globSync('.github/workflows/*.yml', { cwd: project })) {
    const text = readFileSync(join(project, workflow), 'utf8');
    const used = [...text.matchAll(/uses: (.*)/g)].map(([, action]) => action);
    expect(used).not.toEqual([]);
    for (const action of used) expect(action).toMatch(/^[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  }
});
