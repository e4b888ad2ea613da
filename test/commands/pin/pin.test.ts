import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { start, tagpin } from '../../support/command-line.ts';
import { makeFolder } from '../../support/folder.ts';
import { image } from '../../support/registry/image.ts';
import { type Registry, startRegistry } from '../../support/registry/registry.ts';

let registry: Registry;
let web: { tagged: string; pinned: string };
let db: { tagged: string; pinned: string };
let missing: string;
beforeAll(async () => {
  registry = await startRegistry();
  web = push('web');
  db = push('db');
  missing = `${registry.host}/missing:1`;
});
afterAll(() => registry.close());

function push(name: string) {
  const digest = registry.push(name, '1.0', image());
  return { tagged: `${registry.host}/${name}:1.0`, pinned: `${registry.host}/${name}:1.0@${digest}` };
}

const pod = (image: string, name = 'c') =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}}\nspec:\n  containers:\n  - name: ${name}\n    image: ${image} # stays\n`;
const read = (path: string) => readFileSync(path, 'utf8');
const withoutStack = (text: string) => expect(text).not.toMatch(/^\s+at /m);

describe('tagpin pin prints', () => {
  test('a file with its images by digest, and everything else unchanged', async () => {
    using folder = makeFolder({ 'a.yaml': pod(web.tagged) });
    const { code, stdout, stderr } = await tagpin(['pin', join(folder.path, 'a.yaml')]);
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: pod(web.pinned), stderr: '' });
  });

  test('standard input', async () => {
    const { code, stdout } = await tagpin(['pin', '-'], {}, pod(web.tagged));
    expect({ code, stdout }).toEqual({ code: 0, stdout: pod(web.pinned) });
  });

  test('several files as one stream of documents', async () => {
    using folder = makeFolder({
      'a.yaml': pod(web.tagged).trimEnd(),
      'b.yaml': `---\n${pod(db.tagged)}`,
      'c.json': '{}',
    });
    const { stdout } = await tagpin(['pin', folder.path]);
    expect(stdout).toBe(`${pod(web.pinned)}---\n${pod(db.pinned)}---\n{}`);
  });

  test('a file without images unchanged', async () => {
    const text = 'apiVersion: v1\nkind: ConfigMap\ndata: {image: "x:1"}\n';
    expect((await tagpin(['pin', '-'], {}, text)).stdout).toBe(text);
  });

  test('digests without tags with --drop-tag, and with them with --keep-tag', async () => {
    const dropped = await tagpin(['pin', '--drop-tag', '-'], {}, pod(web.tagged));
    expect(dropped.stdout).toBe(pod(web.pinned.replace(':1.0@', '@')));
    const kept = await tagpin(['pin', '--keep-tag', '-'], {}, pod(web.tagged));
    expect(kept.stdout).toBe(pod(web.pinned));
  });

  test('IfNotPresent with --pull-policy', async () => {
    const { stdout } = await tagpin(['pin', '--pull-policy', '-'], {}, pod(web.tagged));
    expect(stdout).toBe(`${pod(web.pinned)}    imagePullPolicy: IfNotPresent\n`);
  });

  test('images of custom resources in the given fields', async () => {
    const text = `apiVersion: example.com/v1\nkind: App\nspec: {image: "${web.tagged}"}\n`;
    const { stdout } = await tagpin(['pin', '--image-field', 'App.example.com:spec/image', '-'], {}, text);
    expect(stdout).toBe(text.replace(web.tagged, web.pinned));
  });

  test('images skipped by annotation or by the configuration, unchanged', async () => {
    using folder = makeFolder({ 'c.yaml': `pin: {skip: ["**/db"]}\n` });
    const skipped = pod(web.tagged).replace('name: c}', 'name: c, annotations: {tagpin.dev/skip: c}}');
    const text = `${skipped}---\n${pod(db.tagged)}`;
    const { code, stdout } = await tagpin(
      ['pin', '--registry-config', join(folder.path, 'c.yaml'), '-'],
      {},
      text,
    );
    expect({ code, stdout }).toEqual({ code: 0, stdout: text });
  });

  test('an image that occurs many times, with one request', async () => {
    const { tagged, pinned } = push('often');
    const { stdout } = await tagpin(['pin', '-'], {}, `${pod(tagged)}---\n${pod(tagged)}`);
    expect(stdout).toBe(`${pod(pinned)}---\n${pod(pinned)}`);
    expect(registry.requests.manifests('often')).toHaveLength(1);
  });
});

describe('tagpin pin takes', () => {
  test('folders with everything below except hidden files, and patterns', async () => {
    using folder = makeFolder({
      'k8s/a.yaml': pod(web.tagged),
      'k8s/deep/b.yml': pod(web.tagged),
      'k8s/c.json': '{}',
      'k8s/notes.txt': 'no manifest',
      'k8s/.git/x.yaml': 'a: [',
    });
    const reported = async (arg: string) => {
      const { stdout } = await tagpin(['pin', '-o', 'json', '--check', arg]);
      return JSON.parse(stdout).images.map(({ file }: { file: string }) =>
        file.slice(folder.path.length + 1),
      );
    };
    expect(await reported(join(folder.path, 'k8s'))).toEqual(['k8s/a.yaml', 'k8s/deep/b.yml']);
    expect(await reported(join(folder.path, 'k8s', '*.yaml'))).toEqual(['k8s/a.yaml']);
  });

  test.each([
    ['a file that is not there', ['nowhere.yaml'], "nowhere.yaml doesn't exist"],
    ['a pattern that nothing matches', ['nowhere*.yaml'], 'no file matches nowhere*.yaml'],
    ['no file', [], 'name a file or a folder'],
    ['format that other commands have', ['-o', 'yaml', '-'], 'for a folder of that name, write ./yaml'],
    ['tag both kept and dropped', ['--keep-tag', '--drop-tag', '-'], 'exclude each other'],
    ['--frozen without a lock', ['--frozen', '-'], 'add --lock FILE'],
    ['two ways at once', ['--check', '--unpin', '--lock', 'l', '-'], 'exclude each other'],
    ['standard input in place', ['--in-place', '-'], 'standard input has no place'],
    ['a place that is none', ['--image-field', 'image', '-'], 'write Kind.group:path'],
    [
      'an update of what is no image',
      ['-', '--lock', 'l', '--update', 'A'],
      '--update: invalid image reference',
    ],
    [
      'an update of what is not there',
      ['-', '--lock', 'l', '--update', 'other:1'],
      'no manifest has other:1',
    ],
  ])('no %s, and says what to write', async (_what, args, message) => {
    using folder = makeFolder();
    const inFolder = args.map((arg) => (arg === 'l' ? join(folder.path, 'l') : arg));
    const { code, stdout, stderr } = await tagpin(['pin', ...inFolder], {}, '');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
    withoutStack(stderr);
  });
});

describe('tagpin pin writes', () => {
  test('in place, through symbolic links, keeping modes, and leaving nothing else behind', async () => {
    using folder = makeFolder({ 'real.yaml': pod(web.tagged), 'same.yaml': 'a: 1\n' });
    chmodSync(join(folder.path, 'real.yaml'), 0o640);
    mkdirSync(join(folder.path, 'k8s'));
    symlinkSync('../real.yaml', join(folder.path, 'k8s', 'link.yaml'));
    const before = statSync(join(folder.path, 'same.yaml')).ino;
    const { code, stdout, stderr } = await tagpin(['pin', '--in-place', folder.path]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(stderr).toBe('tagpin: 1 image in 2 files: 1 pinned; 1 file written\n');
    expect(read(join(folder.path, 'real.yaml'))).toBe(pod(web.pinned));
    expect(statSync(join(folder.path, 'real.yaml')).mode & 0o777).toBe(0o640);
    expect(lstatSync(join(folder.path, 'k8s', 'link.yaml')).isSymbolicLink()).toBe(true);
    expect(statSync(join(folder.path, 'same.yaml')).ino).toBe(before);
    expect(readdirSync(folder.path).sort()).toEqual(['k8s', 'real.yaml', 'same.yaml']);
  });

  test('to a folder, with the same relative paths', async () => {
    using folder = makeFolder({ 'k8s/a.yaml': pod(web.tagged), 'k8s/deep/b.yaml': 'a: 1\n' });
    const out = join(folder.path, 'out');
    const { code } = await tagpin(['pin', '--output', out, join(folder.path, 'k8s')]);
    expect(code).toBe(0);
    expect(read(join(out, 'a.yaml'))).toBe(pod(web.pinned));
    expect(read(join(out, 'deep', 'b.yaml'))).toBe('a: 1\n');
    expect(read(join(folder.path, 'k8s/a.yaml'))).toBe(pod(web.tagged));
  });

  test('a report beside what goes to a folder', async () => {
    using folder = makeFolder({ 'a.yaml': pod(web.tagged) });
    const out = join(folder.path, 'out');
    const { stdout } = await tagpin(['pin', '-o', 'json', '--output', out, join(folder.path, 'a.yaml')]);
    expect(JSON.parse(stdout).images).toMatchObject([{ result: 'pinned', image: web.pinned }]);
    expect(read(join(out, 'a.yaml'))).toBe(pod(web.pinned));
  });

  test.each(['page.html', 'page.html/below'])(
    'nothing to %s if that is a file, without a registry request',
    async (name) => {
      using folder = makeFolder({ 'k8s/b.yaml': pod(missing), 'page.html': '' });
      const { tagged } = push('unasked');
      folder.write('k8s/a.yaml', pod(tagged));
      const out = join(folder.path, name);
      const { code, stdout, stderr } = await tagpin(['pin', '--output', out, join(folder.path, 'k8s')]);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toBe(
        `tagpin: --output ${out}: ${join(folder.path, 'page.html')} is no folder; name another, or json\n`,
      );
      expect(registry.requests.manifests('unasked')).toEqual([]);
    },
  );

  test.skipIf(!existsSync('/proc/self'))('nothing to /proc, where no folder can be made', async () => {
    using folder = makeFolder({ 'a.yaml': pod(web.pinned), 'b.yaml': pod(web.pinned) });
    const { child, result } = start(['pin', '--output', '/proc/tagpin', folder.path]);
    const timer = setTimeout(() => child.kill('SIGKILL'), 4_000);
    const { code, stdout, stderr } = await result;
    clearTimeout(timer);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^tagpin: --output \/proc\/tagpin can't be made: .*; name another folder\n$/);
  });

  test('no two files to one', async () => {
    using folder = makeFolder({ 'a/x.yaml': pod(web.tagged), 'b/x.yaml': pod(web.tagged) });
    const files = ['a', 'b'].map((name) => join(folder.path, name));
    const { code, stderr } = await tagpin(['pin', '--output', join(folder.path, 'out'), ...files]);
    expect(code).toBe(2);
    expect(stderr).toContain(`x.yaml: ${files.map((file) => join(file, 'x.yaml')).join(', ')}`);
  });
});

describe('an image that can not be pinned', () => {
  test('is named with file, line, column, document and field; its file stays, and the others are done', async () => {
    using folder = makeFolder({
      'bad.yaml': `${pod(web.tagged)}---\n${pod(missing)}`,
      'broken.yaml': 'a: 1\n---\na: [1\nb: 2\n',
      'good.yaml': pod(db.tagged),
      'empty.yaml': '',
      'wrong.yaml': pod('Web:1'),
    });
    const { code, stderr } = await tagpin(['pin', '--in-place', folder.path]);
    expect(code).toBe(3);
    const lines = stderr.trim().split('\n');
    const at = (name: string) => join(folder.path, name);
    expect(lines).toEqual([
      'tagpin: 4 images in 5 files: 2 pinned, 2 not pinned; 1 file written',
      expect.stringContaining(
        `${at('bad.yaml')}:15:12: document 2, Pod "c", spec.containers[0].image: ${missing}: not found`,
      ),
      expect.stringContaining(`${at('broken.yaml')}:3:4: document 2: the bracket [ isn't closed; add ]`),
      expect.stringContaining(
        `${at('wrong.yaml')}:7:12: Pod "c", spec.containers[0].image: invalid image reference "Web:1"`,
      ),
    ]);
    expect(read(at('good.yaml'))).toBe(pod(db.pinned));
    expect(read(at('bad.yaml'))).toContain(web.tagged);
    withoutStack(stderr);
  });

  test('is reported at once if its file is larger than manifests are', async () => {
    using folder = makeFolder({ 'a.yaml': '['.repeat(30 * 2 ** 20) });
    const file = join(folder.path, 'a.yaml');
    const { code, stderr, milliseconds } = await tagpin(['pin', file]);
    expect({ code, stderr }).toEqual({
      code: 3,
      stderr: `${file}: it has 30 MiB, and may have 16; split it\n`,
    });
    expect(milliseconds).toBeLessThan(30_000);
  });

  test('includes a value of the wrong type, reported with its object', async () => {
    const text = pod(web.tagged).replace('containers:\n  - name', 'containers:\n    name');
    const { code, stderr } = await tagpin(['pin', '-'], {}, text);
    expect({ code, stderr }).toEqual({
      code: 3,
      stderr:
        'standard input:6:5: Pod "c", spec.containers: it is a mapping, and a list belongs here; begin each of its items with "- "\n',
    });
    const { stdout } = await tagpin(['pin', '-o', 'json', '-'], {}, text);
    expect(JSON.parse(stdout).problems).toMatchObject([{ line: 6, resource: { kind: 'Pod', name: 'c' } }]);
  });

  test('has nothing of its file printed', async () => {
    const { code, stdout } = await tagpin(['pin', '-'], {}, `${pod(web.tagged)}---\n${pod(missing)}`);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
  });

  test('is in the report beside the others', async () => {
    const { code, stdout } = await tagpin(
      ['pin', '-o', 'json', '-'],
      {},
      `${pod(web.tagged)}---\n${pod(missing)}`,
    );
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({
      images: [
        {
          file: 'standard input',
          line: 7,
          document: 1,
          written: web.tagged,
          result: 'pinned',
          image: web.pinned,
          from: 'registry',
        },
        {
          field: 'spec.containers[0].image',
          result: 'failed',
          label: 'not_found',
          resource: { kind: 'Pod', name: 'c' },
        },
      ],
      problems: [],
    });
  });

  test('includes an alias that one place pins and another leaves', async () => {
    const text = `x: &image ${web.tagged}\napiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - {name: a, image: *image}\n  - {name: b, image: *image, imagePullPolicy: Never}\n`;
    const { code, stderr } = await tagpin(['pin', '-'], {}, text);
    expect(code).toBe(3);
    expect(stderr).toContain('write it out in one of the places');
  });
});

describe('tagpin pin --check', () => {
  test('lists what is not pinned with file and line, without a registry request', async () => {
    using folder = makeFolder({ 'a.yaml': `${pod('nowhere.invalid/a:1')}---\n${pod(web.pinned)}` });
    const file = join(folder.path, 'a.yaml');
    const { code, stdout, stderr } = await tagpin(['pin', '--check', file]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(stdout).toBe(
      `${file}:7:12: document 1, Pod "c", spec.containers[0].image: nowhere.invalid/a:1: not pinned\n`,
    );
  });

  test('finds nothing if everything is pinned, skipped, or never pulled', async () => {
    const never = `${pod('x:1')}    imagePullPolicy: Never\n`;
    const { code, stdout } = await tagpin(['pin', '--check', '-'], {}, `${pod(web.pinned)}---\n${never}`);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
  });

  test('counts images in the lock as pinned', async () => {
    using folder = makeFolder();
    const lock = join(folder.path, 'tagpin.lock');
    await tagpin(['pin', '--lock', lock, '-'], {}, pod(web.tagged));
    const { code, stdout } = await tagpin(
      ['pin', '--check', '--lock', lock, '-'],
      {},
      `${pod(web.tagged)}---\n${pod(db.tagged)}`,
    );
    expect(code).toBe(1);
    expect(stdout).toMatch(/^standard input:15:12: .*db:1.0: not pinned\n$/);
  });
});
