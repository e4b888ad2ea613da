import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tagpin } from '../../support/command-line.ts';
import { makeFolder } from '../../support/folder.ts';
import { image } from '../../support/registry/image.ts';
import { type Registry, startRegistry } from '../../support/registry/registry.ts';

let registry: Registry;
let name: string;
let digest: string;
beforeAll(async () => {
  registry = await startRegistry();
  digest = registry.push('web', '1.27', image());
  name = `${registry.host}/web`;
});
afterAll(() => registry.close());

const layouts: readonly (readonly [layout: string, plain: () => string, pinned: () => string])[] = [
  [
    'a list',
    () => `resources: [base]\nimages:\n- name: web\n  newName: ${name}\n  newTag: "1.27" # ours\n`,
    () =>
      `resources: [base]\nimages:\n- name: web\n  newName: ${name}\n  newTag: "1.27" # ours\n  digest: ${digest}\n`,
  ],
  [
    'braces',
    () => `images: [{name: "${name}", newTag: "1.27"}]\n`,
    () => `images: [{name: "${name}", newTag: "1.27", digest: ${digest}}]\n`,
  ],
  [
    'a number for a tag',
    () =>
      `kind: Kustomization\napiVersion: kustomize.config.k8s.io/v1beta1\nimages:\n  - newTag: 1.27\n    name: ${name}\n`,
    () =>
      `kind: Kustomization\napiVersion: kustomize.config.k8s.io/v1beta1\nimages:\n  - newTag: 1.27\n    digest: ${digest}\n    name: ${name}\n`,
  ],
];

describe.each(layouts)('a kustomization whose images are in %s', (_layout, plain, pinned) => {
  const run = async (text: string, ...args: string[]) => {
    using folder = makeFolder({
      'kustomization.yaml': text,
      'tagpin.lock': `version: 1\nimages:\n  "${name}:1.27": ${digest}\n`,
    });
    const given = args.map((arg) => (arg === 'tagpin.lock' ? join(folder.path, arg) : arg));
    const file = join(folder.path, 'kustomization.yaml');
    const result = await tagpin(['pin', ...given, file]);
    return { ...result, text: readFileSync(file, 'utf8') };
  };

  test('gets a digest beside the tag, and loses it again with --unpin', async () => {
    expect((await run(plain(), '--in-place')).text).toBe(pinned());
    expect((await run(pinned(), '--in-place')).text).toBe(pinned());
    expect((await run(pinned(), '--in-place', '--unpin', '--lock', 'tagpin.lock')).text).toBe(plain());
    expect((await run(plain(), '--in-place', '--frozen', '--lock', 'tagpin.lock')).text).toBe(pinned());
  });

  test('is reported by --check until then, because it takes a digest of its base off again', async () => {
    const { code, stdout } = await run(plain(), '--check');
    expect(code).toBe(1);
    expect(stdout).toMatch(new RegExp(`Kustomization, images\\[0\\]: ${name}:1.27: not pinned\n$`));
    expect(await run(pinned(), '--check')).toMatchObject({ code: 0, stdout: '' });
  });

  test('gets another digest with --update', async () => {
    const old = pinned().replace(digest, `sha256:${'0'.repeat(64)}`);
    expect((await run(old, '--in-place', '--lock', 'tagpin.lock', '--update', `${name}:1.27`)).text).toBe(
      old,
    );
    using folder = makeFolder({
      'kustomization.yaml': old,
      'tagpin.lock': `version: 1\nimages:\n  "${name}:1.27": sha256:${'0'.repeat(64)}\n`,
    });
    const file = join(folder.path, 'kustomization.yaml');
    await tagpin(['pin', '--in-place', '--lock', join(folder.path, 'tagpin.lock'), file, '--update']);
    expect(readFileSync(file, 'utf8')).toBe(pinned());
  });
});

test('an entry without a tag has nothing to pin', async () => {
  using folder = makeFolder({ 'kustomization.yaml': 'images: [{name: a, newName: b}]\n' });
  expect(await tagpin(['pin', '--check', folder.path])).toMatchObject({ code: 0, stdout: '', stderr: '' });
});

test('a kind with what looks like images is named on standard error, with the option that takes them', async () => {
  using folder = makeFolder({
    'a.yaml':
      'apiVersion: example.com/v1\nkind: App\nspec: {image: "a/b:1", jobs: [{image: "c:1"}, {image: "d:1"}]}\n',
  });
  const { code, stderr } = await tagpin(['pin', '--check', folder.path]);
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr:
      "tagpin: passed by: a/b:1, in a kind that isn't known; take it with --image-field 'App.example.com:spec/image'\n" +
      "tagpin: passed by: c:1 and 1 more, in a kind that isn't known; take it with --image-field 'App.example.com:spec/jobs[]/image'\n",
  });
});
