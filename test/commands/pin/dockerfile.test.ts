import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tagpin } from '../../support/command-line.ts';
import { type Folder, makeFolder } from '../../support/folder.ts';
import { image } from '../../support/registry/image.ts';
import { type Registry, startRegistry } from '../../support/registry/registry.ts';

let registry: Registry;
let digest: string;
beforeAll(async () => {
  registry = await startRegistry();
  digest = registry.push('web', '1.0', image());
});
afterAll(() => registry.close());

const VERSION = '$' + '{VERSION}';
const dockerfile = (tag: string, version: string) =>
  `# syntax=${registry.host}/web:${tag}
ARG VERSION=${version}\t# no comment here
FROM --platform=linux/amd64 \\
    ${registry.host}/web:${tag} AS build
RUN <<EOF
FROM no:1
EOF
FROM ${registry.host}/web:${VERSION}
COPY --from=build / /
COPY --from=${registry.host}/web:${tag} / /
`.replace('\t# no comment here', '');
const plain = () => dockerfile('1.0', '1.0');
const pinned = (by = digest) => dockerfile(`1.0@${by}`, `1.0@${by}`);
const pod = (image: string) =>
  `apiVersion: v1\nkind: Pod\nspec: {containers: [{name: c, image: "${image}"}]}\n`;
const lockWith = (by: string) => `version: 1\nimages:\n  "${registry.host}/web:1.0": ${by}\n`;

const withLock = (folder: Folder) => ['--lock', join(folder.path, 'tagpin.lock')];
const read = (folder: Folder, name = 'Dockerfile') => readFileSync(join(folder.path, name), 'utf8');

describe('a Dockerfile', () => {
  test('is printed with its images by digest, and everything else unchanged', async () => {
    using folder = makeFolder({ Dockerfile: plain() });
    const { code, stdout, stderr } = await tagpin(['pin', join(folder.path, 'Dockerfile')]);
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: pinned(), stderr: '' });
  });

  test('in a folder is pinned in place, with the same lock as manifests, and restored', async () => {
    using folder = makeFolder({ Dockerfile: plain(), 'a.yaml': pod(`${registry.host}/web:1.0`) });
    await tagpin(['pin', '--in-place', ...withLock(folder), folder.path]);
    expect(read(folder)).toBe(pinned());
    expect(read(folder, 'a.yaml')).toBe(pod(`${registry.host}/web:1.0@${digest}`));
    expect(read(folder, 'tagpin.lock').match(/web:1.0/g)).toHaveLength(1);
    await tagpin(['pin', '--unpin', '--in-place', ...withLock(folder), folder.path]);
    expect(read(folder)).toBe(plain());
  });

  test('is checked, each image with its line and stage', async () => {
    using folder = makeFolder({ Dockerfile: plain(), 'tagpin.lock': lockWith(digest) });
    const { code, stdout } = await tagpin(['pin', '--check', folder.path]);
    expect(code).toBe(1);
    const at = (place: string) =>
      `${join(folder.path, 'Dockerfile')}:${place}: ${registry.host}/web:1.0: not pinned`;
    expect(stdout.trim().split('\n')).toEqual([
      at('1:10: Dockerfile, syntax'),
      at('4:5: stage "build", FROM'),
      at('2:13: stage "1", FROM'),
      at('10:13: stage "1", COPY --from'),
    ]);
    expect(await tagpin(['pin', '--check', ...withLock(folder), folder.path])).toMatchObject({ code: 0 });
  });

  test('is pinned from the lock with --frozen, and anew with --update', async () => {
    const old = `sha256:${'0'.repeat(64)}`;
    using folder = makeFolder({ Dockerfile: plain(), 'tagpin.lock': lockWith(old) });
    const file = join(folder.path, 'Dockerfile');
    await tagpin(['pin', '--frozen', '--in-place', ...withLock(folder), file]);
    expect(read(folder)).toBe(pinned(old));
    const { stderr } = await tagpin(['pin', '--in-place', ...withLock(folder), file, '--update']);
    expect(read(folder)).toBe(pinned());
    expect(stderr).toContain(`${registry.host}/web:1.0: ${old} is now ${digest}`);
  });

  test('whose image is put together is a finding, and fails with a remedy', async () => {
    const text = `ARG V=1\nFROM ${registry.host}/web:${VERSION.replace('VERSION', 'V')}.0\n`;
    using folder = makeFolder({ Dockerfile: text });
    const file = join(folder.path, 'Dockerfile');
    expect((await tagpin(['pin', '--check', file])).code).toBe(1);
    const { code, stdout, stderr } = await tagpin(['pin', file]);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toContain('give the whole image an ARG of its own');
  });

  test('is no part of a stream of manifests', async () => {
    using folder = makeFolder({ Dockerfile: plain(), 'a.yaml': 'a: 1\n' });
    expect((await tagpin(['pin', folder.path])).stdout).toBe('a: 1\n');
    const both = ['Dockerfile', 'a.yaml'].map((name) => join(folder.path, name));
    const { code, stderr } = await tagpin(['pin', ...both]);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: `tagpin: ${both[0]} can't be printed in one stream with other files; add --in-place or --output FOLDER\n`,
    });
  });
});
