import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';

/**
 * The floors of the house, top to bottom: a file imports from its own folder and from floors below, never sideways
 * or upwards. A name is a folder or a file of `src`.
 */
const floors: string[][] = [
  ['main'],
  ['command-line'],
  ['commands'],
  ['access'],
  ['preflight', 'console'],
  ['engine', 'webhook', 'certificate', 'hold'],
  ['resolve'],
  ['registry', 'manifest', 'fleet'],
  ['config', 'adoption'],
  ['revision'],
  ['credentials', 'pin'],
  ['image', 'kubernetes', 'report', 'telemetry'],
  ['singleflight', 'proxy-agent'],
  [
    'json',
    'printable',
    'clock',
    'deadline',
    'duration',
    'file-version',
    'pem',
    'proxies',
    'socks',
    'system-error',
  ],
];

/** What does no IO at all imports nothing that could. */
const pure =
  /^(image|pin|report)\/|^manifest\/(?!write\.)|^fleet\/(?!inventory\.)|^adoption\/(?!read-revisions\.)|^revision\/(pins|kinds|membership|sibling-pods)\.|^registry\/(challenge|manifest|address|private-address|platforms)|^credentials\/(keyring|docker-config|registry-key|glob|credential|credential-sources|pod-credentials|cloud\/cloud-registry)\.|^webhook\/review|^proxies\.|^kubernetes\/kubeconfig\/(go-yaml|kubeconfig|merge|server)\./;
const io = /^(node:(fs|net|http|https|tls|dns|child_process)|undici|express|@kubernetes\/)/;
/** Looking at an address without going there. */
const pureAfterAll: Record<string, string[]> = {
  'proxies.ts': ['node:net'],
  'registry/address.ts': ['node:net'],
  'registry/private-address.ts': ['node:net'],
  'credentials/registry-key.ts': ['node:net'],
};

/** Who may use what: everything else goes through them. */
const reserved: { what: string; pattern: RegExp; allowed: RegExp }[] = [
  { what: 'the Kubernetes client', pattern: /^@kubernetes\//, allowed: /^kubernetes\// },
  {
    what: 'undici',
    pattern: /^undici$/,
    allowed: /^(proxy-agent\.|(registry|kubernetes|credentials\/cloud)\/)/,
  },
  {
    what: 'starting programs',
    pattern: /^node:child_process$/,
    allowed: /^(credentials\/credential-helper|kubernetes\/credential-plugin)\.ts$/,
  },
  { what: 'express', pattern: /^express$/, allowed: /^webhook\// },
];

/** What an image has to need before it is loaded: nothing imports it but by `import()`, and only here. */
const heavy = /^(@aws-sdk|@azure)\/|^google-auth-library$/;
const loadsHeavy = /^credentials\/cloud\//;

const src = join(import.meta.dirname, '../src');
const files = globSync('**/*.ts', { cwd: src }).map((file) => {
  const text = readFileSync(join(src, file), 'utf8');
  const imports = [...text.matchAll(/^(?:import|export)\b[^;]*?from '([^']+)';|^import '([^']+)';/gm)];
  const loads = [...text.matchAll(/\bimport\('([^']+)'\)/g)];
  return {
    file,
    text,
    imports: imports.map(([, from, bare]) => from ?? bare ?? ''),
    loads: loads.map(([, name]) => name ?? ''),
  };
});

const roomOf = (file: string) => file.split('/')[0]?.replace(/\.ts$/, '') ?? '';
const floorOf = (file: string) => floors.findIndex((rooms) => rooms.includes(roomOf(file)));

describe.each(files)('$file', ({ file, text, imports, loads }) => {
  test('is on a floor', () => expect(floorOf(file)).not.toBe(-1));

  test('imports only from its own folder and from floors below', () => {
    const targets = imports
      .filter((name) => name.startsWith('.'))
      .map((name) => relative(src, join(src, dirname(file), name)))
      .filter((target) => target !== '../package.json');
    const wrong = targets.filter(
      (target) => roomOf(target) !== roomOf(file) && floorOf(target) <= floorOf(file),
    );
    expect(wrong).toEqual([]);
  });

  test('does no IO where that is forbidden', () => {
    const allowed = pureAfterAll[file] ?? [];
    expect(pure.test(file) ? imports.filter((name) => io.test(name) && !allowed.includes(name)) : []).toEqual(
      [],
    );
  });

  test('has reserved imports only where they are allowed', () => {
    const wrong = reserved.filter(
      ({ pattern, allowed }) => !allowed.test(file) && imports.some((name) => pattern.test(name)),
    );
    expect(wrong.map(({ what }) => what)).toEqual([]);
  });

  test("loads a cloud's SDK only where and when it is needed", () => {
    expect(imports.filter((name) => heavy.test(name))).toEqual([]);
    expect(loads.filter((name) => heavy.test(name) && !loadsHeavy.test(file))).toEqual([]);
  });

  test('reads the environment only in main, which hands it to config', () => {
    expect(file === 'main.ts' || !/process\.env/.test(text)).toBe(true);
  });
});

test('nothing but the parser of the command line is loaded before a command runs', () => {
  const text = (file: string) => files.find((known) => known.file === file)?.text ?? '';
  const loaded = new Set<string>();
  const packages = new Set<string>();
  const load = (file: string) => {
    if (loaded.has(file)) return;
    loaded.add(file);
    for (const [, name = ''] of text(file).matchAll(/^(?:import|export) (?!type\b)[^;]*?from '([^']+)'/gm)) {
      if (name.endsWith('.ts')) load(relative(src, join(src, dirname(file), name)));
      else if (!name.startsWith('node:') && !name.endsWith('.json')) packages.add(name);
    }
  };
  load('main.ts');
  expect(loaded.size).toBeGreaterThan(10);
  expect([...packages]).toEqual(['commander']);
});

test('no file has grown to two subjects', () => {
  const long = files.filter(({ text }) => text.split('\n').length > 250).map(({ file }) => file);
  expect(long).toEqual([]);
});
