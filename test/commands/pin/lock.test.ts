import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { start, tagpin } from '../../support/command-line.ts';
import { type Folder, makeFolder } from '../../support/folder.ts';
import { image } from '../../support/registry/image.ts';
import { type Registry, startRegistry } from '../../support/registry/registry.ts';

let registry: Registry;
beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry.close());

let number = 0;
function push(name = `app${number++}`) {
  const digest = registry.push(name, '1.0', image());
  return {
    name,
    tagged: `${registry.host}/${name}:1.0`,
    pinned: `${registry.host}/${name}:1.0@${digest}`,
    digest,
  };
}

const pod = (image: string) =>
  `apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: ${image} # stays\n`;
const lockOf = (folder: Folder) => join(folder.path, 'tagpin.lock');
const read = (path: string) => readFileSync(path, 'utf8');

describe('a lock', () => {
  test('records what was resolved, and takes precedence over the registry', async () => {
    using folder = makeFolder();
    const { name, tagged, pinned, digest } = push();
    await tagpin(['pin', '--lock', lockOf(folder), '-'], {}, pod(tagged));
    expect(read(lockOf(folder))).toMatch(new RegExp(`^version: 1\nimages:\n  "${tagged}": ${digest}\n`, 'm'));
    push(name);
    const { stdout } = await tagpin(['pin', '--lock', lockOf(folder), '-'], {}, pod(tagged));
    expect(stdout).toBe(pod(pinned));
    expect(registry.requests.manifests(name)).toHaveLength(1);
  });

  test('that has all images is not written', async () => {
    using folder = makeFolder();
    const { tagged } = push();
    await tagpin(['pin', '--lock', lockOf(folder), '-'], {}, pod(tagged));
    const before = statSync(lockOf(folder)).ino;
    await tagpin(['pin', '--lock', lockOf(folder), '-'], {}, pod(tagged));
    expect(statSync(lockOf(folder)).ino).toBe(before);
  });

  test('keeps what was resolved if something else fails', async () => {
    using folder = makeFolder();
    const { tagged } = push();
    const { code } = await tagpin(
      ['pin', '--lock', lockOf(folder), '-'],
      {},
      `${pod(tagged)}---\n${pod(`${registry.host}/none:1`)}`,
    );
    expect(code).toBe(3);
    expect(read(lockOf(folder))).toContain(tagged);
  });

  test.each([
    ['nowhere/tagpin.lock', 'nowhere'],
    ['a.yaml/tagpin.lock', 'a.yaml'],
  ])('at %s, in no folder, is refused before a registry is asked', async (path, above) => {
    using folder = makeFolder();
    const { name, tagged } = push();
    const file = folder.write('a.yaml', pod(tagged));
    const lock = join(folder.path, path);
    const { code, stdout, stderr } = await tagpin(['pin', '--lock', lock, file]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toBe(
      `tagpin: the lock file ${lock}: there is no folder ${join(folder.path, above)}; create it, or correct the path\n`,
    );
    expect(existsSync(join(folder.path, 'nowhere'))).toBe(false);
    expect(registry.requests.manifests(name)).toEqual([]);
  });

  test('with mistakes is refused with all of them', async () => {
    using folder = makeFolder({ 'tagpin.lock': 'version: 1\nimages:\n  A: sha256:1\n' });
    const { code, stderr } = await tagpin(['pin', '--lock', lockOf(folder), '-'], {}, pod('a'));
    expect(code).toBe(2);
    expect(stderr).toContain('line 3: an image by tag belongs here');
    expect(stderr).toContain('line 3: it is no digest');
  });
});

describe('--frozen', () => {
  test('takes everything from the lock, without a registry request', async () => {
    using folder = makeFolder();
    const { name, tagged, pinned } = push();
    await tagpin(['pin', '--lock', lockOf(folder), '-'], {}, pod(tagged));
    const asked = registry.requests.manifests(name).length;
    const { code, stdout } = await tagpin(
      ['pin', '--frozen', '--lock', lockOf(folder), '-'],
      {},
      pod(tagged),
    );
    expect({ code, stdout }).toEqual({ code: 0, stdout: pod(pinned) });
    expect(registry.requests.manifests(name)).toHaveLength(asked);
  });

  test('names what the lock lacks, and what to do', async () => {
    using folder = makeFolder({ 'tagpin.lock': 'version: 1\nimages: {}\n' });
    const { name, tagged } = push();
    const { code, stdout, stderr } = await tagpin(
      ['pin', '--frozen', '--lock', lockOf(folder), '-'],
      {},
      pod(tagged),
    );
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toContain(`${tagged}: the lock file doesn't have it; run without --frozen to add it`);
    expect(registry.requests.manifests(name)).toEqual([]);
  });

  test('needs an existing lock', async () => {
    using folder = makeFolder();
    const { code, stderr } = await tagpin(['pin', '--frozen', '--lock', lockOf(folder), '-'], {}, pod('a'));
    expect(code).toBe(2);
    expect(stderr).toContain("doesn't exist; write it with tagpin pin --lock");
  });
});

describe('--update', () => {
  test('resolves all images again', async () => {
    using folder = makeFolder({ 'a.yaml': '' });
    const { name, tagged } = push();
    const file = folder.write('a.yaml', pod(tagged));
    await tagpin(['pin', '--lock', lockOf(folder), file]);
    const now = push(name);
    const { stdout } = await tagpin(['pin', '--lock', lockOf(folder), '--update', file]);
    expect(stdout).toBe(pod(now.pinned));
    expect(read(lockOf(folder))).toContain(now.digest);
  });

  test('says what changed, from what to what, or that nothing did', async () => {
    using folder = makeFolder();
    const { name, tagged, digest } = push();
    const file = folder.write('a.yaml', pod(tagged));
    await tagpin(['pin', '--lock', lockOf(folder), file]);
    const same = await tagpin(['pin', '--lock', lockOf(folder), '--update', file]);
    expect(same.stderr).toBe('tagpin: no digest in the lock has changed\n');
    const now = push(name);
    const changed = await tagpin(['pin', '--lock', lockOf(folder), '--update', file]);
    expect(changed.stderr).toBe(`tagpin: ${tagged}: ${digest} is now ${now.digest}\n`);
  });

  test('knows by its tag an image whose digest is older than the lock', async () => {
    using folder = makeFolder();
    const { name, tagged, pinned } = push();
    const now = push(name);
    await tagpin(['pin', '--lock', lockOf(folder), '-'], {}, pod(tagged));
    const { stdout } = await tagpin(['pin', '--lock', lockOf(folder), '-', '--update'], {}, pod(pinned));
    expect(stdout).toBe(pod(now.pinned));
  });

  test('resolves the named ones again, in any spelling', async () => {
    using folder = makeFolder();
    const [one, two] = [push(), push()];
    const file = folder.write('a.yaml', `${pod(one.tagged)}---\n${pod(two.tagged)}`);
    await tagpin(['pin', '--lock', lockOf(folder), file]);
    const [now] = [push(one.name), push(two.name)];
    const { stdout } = await tagpin(['pin', '--lock', lockOf(folder), file, '--update', one.tagged]);
    expect(stdout).toBe(`${pod(now.pinned)}---\n${pod(two.pinned)}`);
  });

  test('resolves images pinned in place, by the tag in the lock', async () => {
    using folder = makeFolder();
    const { name, tagged } = push();
    const file = folder.write('a.yaml', pod(tagged));
    await tagpin(['pin', '--in-place', '--lock', lockOf(folder), file]);
    const now = push(name);
    await tagpin(['pin', '--in-place', '--lock', lockOf(folder), '--update', file]);
    expect(read(file)).toBe(pod(now.pinned));
  });
});

describe('--unpin', () => {
  test('restores images as they were written, and changes nothing else', async () => {
    using folder = makeFolder();
    const [one, two] = [push(), push()];
    const text = `${pod(`"${one.tagged}"`)}---\n${pod(two.tagged)}`;
    const file = folder.write('a.yaml', text);
    await tagpin(['pin', '--in-place', '--lock', lockOf(folder), file]);
    expect(read(file)).not.toBe(text);
    const { code } = await tagpin(['pin', '--unpin', '--in-place', '--lock', lockOf(folder), file]);
    expect({ code, text: read(file) }).toEqual({ code: 0, text });
  });

  test('reports an image that could have been two', async () => {
    using folder = makeFolder();
    const { name, tagged, digest } = push();
    const pinned = `${registry.host}/${name}@${digest}`;
    folder.write(
      'tagpin.lock',
      `version: 1\nimages:\n  ${tagged}: ${digest}\n  ${registry.host}/${name}:1: ${digest}\n`,
    );
    const { code, stderr } = await tagpin(['pin', '--unpin', '--lock', lockOf(folder), '-'], {}, pod(pinned));
    expect(code).toBe(3);
    expect(stderr).toMatch(
      new RegExp(
        `: ${pinned}: it was ${tagged} or ${registry.host}/${name}:1: the lock has its digest for each; write which it is\n$`,
      ),
    );
    expect(stderr.split(pinned)).toHaveLength(2);
  });
});

test('interrupted, it ends within a second with the results so far, and no partial file', async () => {
  using folder = makeFolder();
  const [fast, slow] = [push(), push()];
  const done = folder.write('a.yaml', pod(fast.tagged));
  const open = folder.write('b.yaml', `${pod(fast.tagged)}---\n${pod(slow.tagged)}`);
  const isAsked = Promise.withResolvers<void>();
  registry.fault = ({ path }) => {
    if (!path.includes(slow.name)) return undefined;
    setTimeout(isAsked.resolve, 500);
    return { delayMs: 30_000 };
  };
  try {
    const { child, result } = start(['pin', '--in-place', '--lock', lockOf(folder), folder.path]);
    await isAsked.promise;
    const interrupted = performance.now();
    child.kill('SIGINT');
    const { code, stderr } = await result;
    expect(performance.now() - interrupted).toBeLessThan(1_000);
    expect(code).toBe(130);
    expect(stderr).toContain('tagpin: interrupted: 1 of 2 files done\ntagpin: ended by SIGINT');
    expect(read(done)).toBe(pod(fast.pinned));
    expect(read(open)).toContain(slow.tagged);
    expect(read(lockOf(folder))).toContain(fast.digest);
    expect(read(lockOf(folder))).not.toContain(slow.tagged);
  } finally {
    registry.fault = undefined;
  }
});

test('a timeout is reported for each image', async () => {
  using folder = makeFolder();
  const { tagged } = push();
  registry.fault = { delayMs: 30_000 };
  try {
    const { code, stderr } = await tagpin(
      ['pin', '--timeout', '300ms', '--lock', lockOf(folder), '-'],
      {},
      pod(tagged),
    );
    expect(code).toBe(3);
    expect(stderr).toContain("the registry didn't answer in time");
    expect(existsSync(lockOf(folder))).toBe(true);
  } finally {
    registry.fault = undefined;
  }
});
