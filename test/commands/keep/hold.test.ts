import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { KeepOptions } from '../../../src/commands/keep/options.ts';
import { interrupted } from '../../support/command-line.ts';
import { sha256 } from '../../support/registry/digest.ts';
import { errorReply } from '../../support/registry/errors.ts';
import { image, index } from '../../support/registry/image.ts';
import { ociIndex } from '../../support/registry/media-types.ts';
import { type Registry, startRegistry } from '../../support/registry/registry.ts';
import { type KeepCluster, namespaceObject, podObject, startKeepCluster } from './keeps.ts';

let cluster: KeepCluster;
let registry: Registry;
let app: string;
let one: string;
/** An index of two. */
let two: string;
let children: string[];

beforeEach(async () => {
  cluster = await startKeepCluster();
  cluster.put(namespaceObject('a'), namespaceObject('b'));
  registry = await startRegistry({
    auth: { scheme: 'bearer', refuseUngranted: true },
    users: [
      { name: 'keeper', password: 'correct-horse', pull: ['*'], push: ['*'] },
      { name: 'reader', password: 'battery-staple', pull: ['*'] },
    ],
    public: ['*'],
  });
  app = `${registry.host}/app`;
  one = registry.push('app', '1', image());
  const parts = [image(), image({ platform: { os: 'linux', architecture: 'arm64' } })];
  children = parts.map(({ digest }) => digest);
  two = registry.push('app', '1', index(parts));
  registry.requests.clear();
});
afterEach(async () => {
  await Promise.all([cluster[Symbol.asyncDispose](), registry.close()]);
});

/** A pod that runs the digest. */
const runs = (digest: string, name = `pod-${digest.slice(7, 19)}`, namespace = 'a') =>
  cluster.put(podObject(namespace, { name, image: `${app}@${digest}` }));
const ends = (digest: string, namespace = 'a') =>
  cluster.api.remove('Pod', namespace, `pod-${digest.slice(7, 19)}`);

const options = (more: Partial<KeepOptions> = {}): Partial<KeepOptions> => ({
  hold: true,
  cluster: 'prod',
  dockerConfig: cluster.login(registry.host, 'keeper', 'correct-horse'),
  ...more,
});
async function hold(more: Partial<KeepOptions> = {}) {
  const { code, said, data } = await cluster.keep(options(more));
  return { code, said, ...(data.repositories?.[0] ?? { writes: [], held: [], gone: [], problems: [] }) };
}

const url = (path: string) => `http://${registry.host}/v2/app/${path}`;
const login = { authorization: `Basic ${Buffer.from('keeper:correct-horse').toString('base64')}` };
async function token(): Promise<Record<string, string>> {
  const scope = 'repository:app:pull,push,delete';
  const response = await fetch(`${registry.realm}?scope=${scope}`, { headers: login });
  const body: unknown = await response.json();
  const found = body !== null && typeof body === 'object' && 'token' in body ? String(body.token) : '';
  return { authorization: `Bearer ${found}` };
}
async function manifest(reference: string): Promise<unknown> {
  const headers = { accept: ociIndex, ...(await token()) };
  const response = await fetch(url(`manifests/${reference}`), { headers });
  return response.ok ? await response.json() : undefined;
}
/** As anyone may push under a tag that looks like a hold. */
async function pushes(tag: string, body: object): Promise<string> {
  const text = JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, ...body });
  const headers = { 'content-type': ociIndex, ...(await token()) };
  await fetch(url(`manifests/${tag}`), { method: 'PUT', body: text, headers });
  return sha256(Buffer.from(text));
}
const puts = () =>
  registry.requests.entries.filter(({ method, status }) => method === 'PUT' && status === 201);
const hex = (digest: string) => digest.slice(7, 23);
const sorted = (...digests: string[]) => digests.sort();

describe('tagpin keep --hold', () => {
  test('keeps what is in use by an index that is no image, under the name of the cluster', async () => {
    runs(one);
    runs(two);
    expect(await hold()).toMatchObject({
      code: 0,
      held: sorted(one, two),
      writes: [{ tag: 'tagpin-keep-prod', adds: sorted(one, two), releases: [], done: true }],
      gone: [],
      problems: [],
    });
    expect(await manifest('tagpin-keep-prod')).toEqual({
      schemaVersion: 2,
      mediaType: ociIndex,
      artifactType: 'application/vnd.tagpin.keep.v1',
      manifests: sorted(one, two).map((digest) => ({
        mediaType: digest === two ? ociIndex : 'application/vnd.oci.image.manifest.v1+json',
        digest,
        size: expect.any(Number),
      })),
      annotations: {
        'dev.tagpin.keep.cluster': 'prod',
        'dev.tagpin.keep.uid': 'uid-of-this-cluster',
      },
    });
  });

  test('says which cluster it is, and where, before it writes', async () => {
    runs(one);
    const { said } = await hold();
    expect(said).toContain(`at ${cluster.api.url}, held as "prod"\n`);
    expect(said).toContain('1 digest in 1 repository must not be deleted: 1 held, 1 tag written\n');
  });

  test('writes only when something changes', async () => {
    runs(one);
    await hold();
    registry.requests.clear();
    expect(await hold()).toMatchObject({ code: 0, held: [one], writes: [] });
    expect(puts()).toEqual([]);
    runs(one, 'another');
    expect((await hold()).writes).toEqual([]);
  });

  test('releases by a shorter index, and deletes nothing', async () => {
    runs(one);
    runs(two);
    await hold();
    ends(one);
    expect((await hold()).writes).toEqual([
      { tag: 'tagpin-keep-prod', adds: [], releases: [one], done: true },
    ]);
    expect(registry.requests.entries.filter(({ method }) => method === 'DELETE')).toEqual([]);
    expect(await manifest('tagpin-keep-prod')).toMatchObject({ manifests: [{ digest: two }] });
  });

  test('releases a repository of which nothing is in use only if it is named', async () => {
    runs(one);
    await hold();
    ends(one);
    expect((await cluster.keep(options())).data.repositories).toEqual([]);
    expect((await hold({ release: [app] })).writes).toMatchObject([{ releases: [one], adds: [] }]);
    expect(await manifest('tagpin-keep-prod')).toMatchObject({ manifests: [] });
    expect((await hold({ release: [app] })).writes).toEqual([]);
  });

  test('releases nothing of some namespaces alone, because others may need it', async () => {
    runs(one);
    runs(two, `pod-${two.slice(7, 19)}`, 'b');
    await hold();
    expect(await hold({ namespace: ['b'] })).toMatchObject({ held: sorted(one, two), writes: [] });
    ends(one);
    expect(await hold({ namespace: ['b'] })).toMatchObject({ held: sorted(one, two), writes: [] });
    expect((await hold()).writes).toMatchObject([{ releases: [one] }]);
  });

  test('shows every write with --dry-run, and makes none', async () => {
    runs(one);
    expect((await hold({ dryRun: true })).writes).toEqual([
      { tag: 'tagpin-keep-prod', adds: [one], releases: [], done: false },
    ]);
    const { out, said } = await cluster.print(options({ dryRun: true }));
    expect(out).toContain('tagpin-keep-prod (not written)');
    expect(said).toContain('1 held, 1 tag to be written; nothing was written (--dry-run)');
    expect(registry.requests.entries.filter(({ method }) => method === 'PUT')).toEqual([]);
  });

  test('reports what is gone, with an exit code of its own, and holds the rest', async () => {
    runs(one);
    runs(two);
    registry.delete('app', one);
    expect(await hold()).toMatchObject({ code: 1, held: [two], gone: [one], problems: [] });
  });

  test('drops from its index what has gone since, of which the registry would take none', async () => {
    runs(one);
    runs(two);
    await hold();
    registry.delete('app', one);
    expect(await hold()).toMatchObject({ code: 1, held: [two], gone: [one], writes: [{ releases: [one] }] });
  });

  test('does not report as gone what only a node names by another repository', async () => {
    const imageId = `quay.io/other/app@${sha256(Buffer.from('elsewhere'))}`;
    cluster.put(podObject('a', { image: `${app}:1`, imageId }));
    expect(await hold()).toMatchObject({ code: 0, held: [], gone: [], writes: [] });
  });

  test('asks for a token to push only to push', async () => {
    runs(one);
    await hold();
    const scopes = registry.requests.tokens().map(({ path, query }) => `${path} ${query.getAll('scope')}`);
    expect(scopes).toEqual(['/token repository:app:pull', '/token repository:app:pull,push']);
  });
});

describe('two clusters at one repository', () => {
  test('do not meddle', async () => {
    runs(one);
    await hold({ cluster: 'prod' });
    ends(one);
    runs(two);
    await hold({ cluster: 'prod-b' });
    await hold({ cluster: 'prod', release: [app] });
    expect(await manifest('tagpin-keep-prod-b')).toMatchObject({ manifests: [{ digest: two }] });
    expect(await manifest('tagpin-keep-prod')).toMatchObject({ manifests: [{ digest: two }] });
  });

  test('of the same name do not release what the other holds', async () => {
    runs(one);
    await hold();
    await using other = await startKeepCluster('uid-of-another-cluster');
    other.put(namespaceObject('a'), podObject('a', { image: `${app}@${two}` }));
    const { code, data } = await other.keep(options());
    expect(code).toBe(3);
    expect(data.repositories).toMatchObject([
      { writes: [], problems: [expect.stringContaining('is the hold of another cluster of that name')] },
    ]);
    expect(await manifest('tagpin-keep-prod')).toMatchObject({ manifests: [{ digest: one }] });
  });
});

describe('some namespaces alone, without the permission for kube-system', () => {
  beforeEach(() => {
    runs(one);
    cluster.api.fail({ resource: 'namespaces', name: 'kube-system', effect: 'forbidden' });
  });

  test('are held', async () => {
    expect(await hold({ namespace: ['a'] })).toMatchObject({ code: 0, held: [one] });
    expect(await hold({ namespace: ['a'] })).toMatchObject({ code: 0, writes: [] });
  });

  test('do not meddle with a hold that may be of another cluster of that name', async () => {
    await using other = await startKeepCluster('uid-of-another-cluster');
    other.put(namespaceObject('a'), podObject('a', { image: `${app}@${two}` }));
    await other.keep(options());
    expect(await hold({ namespace: ['a'] })).toMatchObject({
      code: 3,
      writes: [],
      problems: [expect.stringContaining('which only the uid of namespace kube-system tells')],
    });
  });
});

describe('a tag of that name that is not a hold', () => {
  test.each([
    ['an index', { manifests: [] }],
    ['one of another artifact type', { artifactType: 'application/x', manifests: [], annotations: {} }],
    [
      "another cluster's hold",
      {
        artifactType: 'application/vnd.tagpin.keep.v1',
        manifests: [],
        annotations: { 'dev.tagpin.keep.cluster': 'other' },
      },
    ],
  ])('is left alone: %s', async (_, body) => {
    runs(one);
    const digest = await pushes('tagpin-keep-prod', body);
    expect(await hold()).toMatchObject({
      code: 3,
      writes: [],
      problems: [expect.stringMatching(/^tag tagpin-keep-prod isn't tagpin's: it is left alone; /)],
    });
    expect(registry.digest('app', 'tagpin-keep-prod')).toBe(digest);
  });

  test('is left alone where each digest has a tag', async () => {
    runs(one);
    runs(two);
    const tag = `tagpin-keep-prod-${hex(one)}`;
    const digest = await pushes(tag, { manifests: [] });
    expect(await hold({ tagEach: true })).toMatchObject({
      code: 3,
      held: [two],
      problems: [
        `tag ${tag} isn't tagpin's: it is left alone; delete it, or choose another name with --cluster`,
      ],
    });
    expect(registry.digest('app', tag)).toBe(digest);
  });
});

describe('tagpin keep --hold --tag-each', () => {
  const tagOf = (digest: string, name = 'prod') => `tagpin-keep-${name}-${hex(digest)}`;

  test('sets a tag for each digest, to the manifest byte for byte', async () => {
    runs(one);
    runs(two);
    expect(await hold({ tagEach: true })).toMatchObject({ code: 0, held: sorted(one, two) });
    expect([one, two].map((digest) => registry.digest('app', tagOf(digest)))).toEqual([one, two]);
    registry.requests.clear();
    expect((await hold({ tagEach: true })).writes).toEqual([]);
    expect(puts()).toEqual([]);
  });

  test('tags what an index refers to before the index, because a tag of that alone may keep none of it', async () => {
    runs(two);
    const { writes, held } = await hold({ tagEach: true });
    expect(writes.map(({ tag }) => tag)).toEqual([
      'tagpin-keep-prod',
      ...children.map((child) => tagOf(child)),
      tagOf(two),
    ]);
    expect(held).toEqual([two]);
    expect((await hold({ tagEach: true })).writes).toEqual([]);
    ends(two);
    const released = await hold({ tagEach: true, release: [app] });
    expect(released.writes.flatMap(({ releases }) => releases).sort()).toEqual(sorted(two, ...children));
  });

  test('releases a tag by an index of nothing, after what it adds', async () => {
    runs(one);
    await hold({ tagEach: true });
    ends(one);
    runs(two);
    const tags = (await hold({ tagEach: true })).writes.map(({ tag }) => tag);
    expect(tags.slice(-2)).toEqual([tagOf(two), tagOf(one)]);
    expect(await manifest(tagOf(one))).toMatchObject({ manifests: [] });
    expect((await hold({ tagEach: true })).writes).toEqual([]);
    runs(one);
    await hold({ tagEach: true });
    expect(registry.digest('app', tagOf(one))).toBe(one);
  });

  test('is refused where another cluster of that name holds so', async () => {
    runs(one);
    await hold({ tagEach: true });
    await using other = await startKeepCluster('uid-of-another-cluster');
    other.put(namespaceObject('a'), podObject('a', { image: `${app}@${two}` }));
    const { code, data } = await other.keep(options({ tagEach: true }));
    expect({ code, writes: data.repositories?.[0]?.writes }).toEqual({ code: 3, writes: [] });
    expect(registry.digest('app', tagOf(one))).toBe(one);
  });

  test('stays where it was once chosen', async () => {
    runs(one);
    await hold({ tagEach: true });
    ends(one);
    runs(two);
    expect((await hold()).writes.map(({ tag }) => tag)).toContain(tagOf(two));
    expect((await hold()).writes).toEqual([]);
  });

  test('leaves those of another cluster', async () => {
    runs(one);
    await hold({ tagEach: true, cluster: 'prod-b' });
    ends(one);
    runs(two);
    await hold({ tagEach: true, cluster: 'prod' });
    expect(registry.digest('app', tagOf(one, 'prod-b'))).toBe(one);
  });

  test('takes the place of an index, which is released last', async () => {
    runs(one);
    await hold();
    const { writes } = await hold({ tagEach: true });
    expect(writes.map(({ tag }) => tag)).toEqual([tagOf(one), 'tagpin-keep-prod']);
    expect(await manifest('tagpin-keep-prod')).toMatchObject({ manifests: [] });
  });

  test('is what a registry gets that takes no index', async () => {
    registry.fault = ({ method, headers }) =>
      method === 'PUT' && headers['content-type'] === ociIndex
        ? { outcome: errorReply('MANIFEST_INVALID') }
        : undefined;
    runs(one);
    expect(await hold()).toMatchObject({ code: 0, held: [one], writes: [{ tag: tagOf(one) }], problems: [] });
    registry.requests.clear();
    expect((await hold()).writes).toEqual([]);
    expect(registry.requests.entries.filter(({ method }) => method === 'PUT')).toEqual([]);
  });
});

describe('whatever happens, what was held stays held:', () => {
  test('a registry that refuses the write', async () => {
    runs(one);
    await hold();
    runs(two);
    registry.fault = ({ method }) => (method === 'PUT' ? { outcome: errorReply('DENIED') } : undefined);
    expect(await hold()).toMatchObject({
      code: 3,
      problems: [
        expect.stringMatching(/^access denied \(403 DENIED\); let the user of .* push to this repository/),
      ],
    });
    registry.fault = undefined;
    expect(await manifest('tagpin-keep-prod')).toMatchObject({ manifests: [{ digest: one }] });
  });

  test('a manifest that cannot be asked for', async () => {
    runs(one);
    await hold();
    runs(two);
    registry.fault = ({ path }) => (path.endsWith(one) ? { outcome: { status: 500 } } : undefined);
    const { code, held } = await hold();
    registry.fault = undefined;
    expect({ code, held }).toEqual({ code: 3, held: sorted(one, two) });
    expect(await manifest('tagpin-keep-prod')).toMatchObject({
      manifests: sorted(one, two).map((digest) => ({ digest })),
    });
  });

  test('credentials that may only pull, or none', async () => {
    runs(one);
    const dockerConfig = cluster.login(registry.host, 'reader', 'battery-staple');
    const refused = await hold({ dockerConfig });
    expect(refused.code).toBe(3);
    expect(refused.problems).toEqual([
      expect.stringMatching(/let the user of .*login-.*json push to this repository/),
    ]);
    const anonymous = await hold({ dockerConfig: cluster.login('elsewhere.example', 'x', 'some-password') });
    expect(anonymous.problems).toEqual([
      expect.stringContaining('give credentials that may push there (--docker-config)'),
    ]);
    expect(puts()).toEqual([]);
  });

  test.each([0, 3])('an interruption after %i writes', async (count) => {
    const login = cluster.login(registry.host, 'keeper', 'correct-horse');
    runs(one);
    await hold({ tagEach: true });
    ends(one);
    runs(two);
    registry.requests.clear();
    let hangs = false;
    registry.fault = ({ method, headers }) => {
      if (method !== 'PUT' || headers.authorization === undefined || puts().length < count) return undefined;
      hangs = true;
      return { outcome: 'hang' };
    };
    const args = ['keep', '--hold', '--tag-each', '--cluster=prod', `--docker-config=${login}`];
    const { code } = await interrupted([...args, '--kubeconfig', cluster.kubeconfig], () => hangs);
    expect(code).toBe(130);
    registry.fault = undefined;
    const [released, ...added] = [one, two, ...children].map((digest) =>
      registry.digest('app', `tagpin-keep-prod-${hex(digest)}`),
    );
    // What is released comes after all that is added.
    expect(released).toBe(one);
    expect(added.filter((digest) => digest !== undefined)).toHaveLength(count);
  });

  test('a rate limit, which is waited for', async () => {
    runs(one);
    let refused = 0;
    registry.fault = ({ method }) =>
      method === 'PUT' && refused++ === 0
        ? { outcome: { status: 429, headers: { 'Retry-After': '1' } } }
        : undefined;
    expect(await hold()).toMatchObject({ code: 0, held: [one] });
  });

  test('a cluster that cannot tell its uid', async () => {
    runs(one);
    await hold();
    ends(one);
    cluster.api.fail({ resource: 'namespaces', name: 'kube-system', effect: 'forbidden' });
    await expect(cluster.print(options({ release: [app] }))).rejects.toThrow(
      "namespace kube-system can't be read, whose uid tells this cluster from others",
    );
    expect(await manifest('tagpin-keep-prod')).toMatchObject({ manifests: [{ digest: one }] });
  });
});

describe('tagpin keep --touch', () => {
  test('reads each manifest once by digest, and writes nothing', async () => {
    runs(one);
    runs(two);
    const { code, data } = await cluster.keep({ touch: true });
    expect(code).toBe(0);
    expect(data.repositories).toMatchObject([{ touched: sorted(one, two), writes: [] }]);
    const answered = registry.requests.manifests().filter(({ status }) => status === 200);
    expect(answered.map(({ method, path }) => `${method} ${path.split('/').at(-1)}`)).toEqual(
      sorted(one, two).map((digest) => `GET ${digest}`),
    );
  });

  test('reports what is gone', async () => {
    runs(one);
    registry.delete('app', one);
    const { code, data } = await cluster.keep({ touch: true });
    expect({ code, gone: data.repositories?.[0]?.gone }).toEqual({ code: 1, gone: [one] });
  });
});
