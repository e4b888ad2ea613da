import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { combine, readHostsDirectories } from '../../src/config/hosts-directory.ts';
import { TrackedFiles } from '../../src/config/tracked-files.ts';
import { createAuthority } from '../support/authority.ts';
import { makeFolder } from '../support/folder.ts';

const authority = await createAuthority();
const client = await authority.issue(['client']);
const pem = { 'ca.crt': authority.caPem, 'client.cert': client.cert, 'client.key': client.key };

/** What a folder with these files says. */
function read(files: Record<string, string>) {
  using folder = makeFolder(files);
  const { directory, problems } = readHostsDirectories(folder.path, new TrackedFiles());
  return { ...directory, problems: problems.map((problem) => problem.replace(folder.path, '')) };
}

/** What a `hosts.toml` says, with certificates beside it. */
function readHosts(toml: string) {
  const named = Object.entries(pem).map(([name, text]) => [`docker.io/${name}`, text]);
  const { registries, problems } = read({ ...Object.fromEntries(named), 'docker.io/hosts.toml': toml });
  return { settings: registries.get('docker.io'), problems };
}

describe('a hosts.toml', () => {
  test('names hosts in the order of the file', () => {
    const { settings, problems } = readHosts(`server = "https://registry-1.docker.io"
[host."https://z.example"]
  capabilities = ["pull", "resolve"]
  ca = "ca.crt"
  client = [["client.cert", "client.key"]]
  [host."https://z.example".header]
    x-custom = ["one", "two"]
    Authorization = "Basic c2VjcmV0"
[host."http://a.example:5000"]
  capabilities = ["pull"]
  skip_verify = true
[host."https://m.example/v2/proxy"]
  override_path = true
[host."https://n.example/proxy"]
[host."o.example"]
`);
    expect(problems).toEqual([]);
    expect(settings?.root?.href).toBe('https://registry-1.docker.io/v2/');
    expect(settings?.mirrors?.map(({ root }) => root.href)).toEqual([
      'https://z.example/v2/',
      'http://a.example:5000/v2/',
      'https://m.example/v2/proxy/',
      'https://n.example/proxy/v2/',
      'https://o.example/v2/',
    ]);
    const [first, second, third] = settings?.mirrors ?? [];
    expect(first).toMatchObject({
      capabilities: ['pull', 'resolve'],
      sendCredentials: false,
      tls: { ca: [authority.caPem], cert: [client.cert], key: [client.key] },
      headers: { 'x-custom': 'one, two', authorization: 'Basic c2VjcmV0' },
    });
    expect(second).toMatchObject({ capabilities: ['pull'], tls: { insecure: true } });
    expect(third?.capabilities).toEqual(['pull', 'resolve']);
  });

  test('says of the server itself what stands above the hosts', () => {
    const { settings } = readHosts('ca = ["ca.crt"]\nskip_verify = true\ncapabilities = ["push"]\n');
    expect(settings).toMatchObject({
      root: undefined,
      capabilities: [],
      tls: { ca: [authority.caPem], insecure: true },
    });
  });

  test('may name things that tagpin has no use for', () => {
    expect(readHosts('[host."https://a.example"]\ndial_timeout = "1s"\nfuture = 1\n').problems).toEqual([]);
  });

  test.each([
    ['= secret', /^\/docker\.io\/hosts\.toml: line 1: Invalid TOML/],
    ['server = 1', /^\/docker\.io\/hosts\.toml: server: /],
    ['server = "https://u:secret@h"', /: server: write a URL/],
    ['[host."ftp://a"]', /: host\["ftp:\/\/a"\]: write a URL|: host/],
    ['[host."https://a"]\ncapabilities = ["fly"]', /: host\["https:\/\/a"\]\.capabilities\[0\]: /],
    [
      '[host."https://a"]\nca = "missing.crt"',
      /: host\["https:\/\/a"\]\.ca\[0\]: missing\.crt: the file must be there/,
    ],
    [
      '[host."https://a"]\nclient = [["client.cert", "ca.crt"]]',
      /: host\["https:\/\/a"\]\.client\[0\]: ca\.crt: the file must be there and hold a key/,
    ],
    ['[host."https://a"]\nclient = 7', /: host\["https:\/\/a"\]\.client: /],
    ['[host."https://a".header]\nx = "secret\\r\\ny: z"', /: host\["https:\/\/a"\]\.header\.x/],
  ])('with the mistake %j is told with file and key', (toml, problem) => {
    const { problems } = readHosts(toml);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(problem);
    expect(problems[0]).not.toContain('secret');
  });
});

describe('a folder', () => {
  test('without hosts.toml holds certificates as docker lays them out', () => {
    const named = Object.entries(pem).map(([name, text]) => [`r.example:5000/${name}`, text]);
    const { registries, problems } = read(Object.fromEntries(named));
    expect(problems).toEqual([]);
    expect(registries.get('r.example:5000')).toEqual({
      tls: { ca: [authority.caPem], cert: [client.cert], key: [client.key] },
    });
  });

  test('with broken certificates is told by their files', () => {
    const { problems } = read({ 'r.example/a.crt': 'x', 'r.example/b.cert': client.cert });
    expect(problems).toEqual([
      '/r.example/a.crt: the file must be there and hold certificates in PEM',
      expect.stringMatching(/^\/r\.example\/b\.cert: the file must be there and hold a key/),
    ]);
  });

  test('may write its port with underscores, and then counts first', () => {
    const { registries } = read({
      'r.example_5000_/hosts.toml': 'server = "https://a.example"',
      'r.example:5000/hosts.toml': 'server = "https://b.example"',
    });
    expect([...registries.keys()]).toEqual(['r.example:5000']);
    expect(registries.get('r.example:5000')?.root?.host).toBe('a.example');
  });

  test('called _default is for all other hosts, but for its headers', () => {
    const { registries, defaults } = read({
      '_default/hosts.toml': '[host."https://m.example"]\n[header]\nauthorization = "secret"\n',
      '..data/hosts.toml': 'broken',
      'README.md': 'a file',
    });
    expect(registries.size).toBe(0);
    expect(defaults?.mirrors?.map(({ root }) => root.host)).toEqual(['m.example']);
    expect(defaults?.headers).toEqual({});
  });

  test('that is not there is a mistake', () => {
    const { problems } = readHostsDirectories(join('/does/not', 'exist'), new TrackedFiles());
    expect(problems).toEqual(['/does/not/exist: the folder must be there and be readable']);
  });
});

describe('of several folders', () => {
  /** What `/a`, `/b` and `/c` say, of which those with files exist. */
  function readList(files: Record<string, string>) {
    using folder = makeFolder(files);
    const list = ['a', 'b', 'c'].map((name) => join(folder.path, name)).join(':');
    const { directory, problems } = readHostsDirectories(list, new TrackedFiles());
    const servers = [...directory.registries].map(([host, { root }]) => `${host} ${root?.host}`);
    return { servers, defaults: directory.defaults?.root?.host, problems };
  }
  const at = (server: string) => `server = "https://${server}"`;

  test('the first that has the host counts, and those that are not there say nothing', () => {
    const { servers, problems } = readList({
      'b/r.example/hosts.toml': at('b.example'),
      'c/r.example/hosts.toml': at('c.example'),
      'c/s.example/hosts.toml': at('c.example'),
    });
    expect(servers).toEqual(['r.example b.example', 's.example c.example']);
    expect(problems).toEqual([]);
  });

  test('those behind one with defaults are not asked', () => {
    const { servers, defaults } = readList({
      'a/r.example/hosts.toml': at('a.example'),
      'b/_default/hosts.toml': at('default.example'),
      'c/s.example/hosts.toml': at('c.example'),
    });
    expect({ servers, defaults }).toEqual({ servers: ['r.example a.example'], defaults: 'default.example' });
  });

  test('one has to be there', () => {
    expect(readList({ x: '' }).problems).toHaveLength(3);
  });
});

test('a hosts.toml of k3s says how a mirror calls repositories, and is refused if tagpin would call them otherwise', () => {
  const rules = (rule: string) => readHosts(`[host."https://m.example".rewrite]\n${rule}\n`);
  expect(rules('"^a/(.*)" = "b/$1"').settings?.mirrors?.[0]?.rewrites).toHaveLength(1);
  expect(rules('"[[:alpha:]]" = "b"').problems).toEqual([
    '/docker.io/hosts.toml: host["https://m.example"].rewrite["[[:alpha:]]"]: write a regular expression that tagpin knows too, because it decides which image is meant',
  ]);
});

test('what the configuration file says of a host counts before what the folder says of it', () => {
  const directory = {
    registries: new Map([['a', { capabilities: ['pull'] as const, pullThrough: ['x'] }]]),
    defaults: { pullThrough: ['y'] },
  };
  const { settings } = combine(directory, { a: { pullThrough: ['z'] }, b: { plainHttp: true } });
  expect(settings.get('a')).toEqual({ capabilities: ['pull'], pullThrough: ['z'] });
  expect(settings.get('b')).toEqual({ plainHttp: true, pullThrough: ['y'] });
});
