import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readEnvironment } from '../src/config/environment.ts';
import { loadConfig, parseConfig } from '../src/config.ts';
import { createAuthority } from './support/authority.ts';
import { problemsOf } from './support/config-problems.ts';

const authority = await createAuthority();
const folder = mkdtempSync(join(tmpdir(), 'tagpin-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('without a word', () => {
  test.each([undefined, '', '{}', '# nothing\n', 'webhook: {}\n', 'pin:\nregistries:\ncache:\n  age:\n'])(
    '%j is a working configuration',
    (text) => {
      const config = text === undefined ? loadConfig(undefined) : parseConfig(text, 'config.yaml');
      expect(config).toMatchObject({
        webhook: { port: 8443, healthPort: 8080, drain: 20_000, inFlight: 64 * 2 ** 20 },
        pin: {
          keepTag: false,
          pullPolicy: 'IfNotPresent',
          skipAnnotation: ['enforce', 'best-effort', 'audit'],
        },
        cache: { entries: 10_000, age: 60_000, negativeAge: 5_000, staleAge: 0 },
        limits: { concurrency: 16, queue: 500 },
        credentials: { cloud: ['ecr', 'google', 'azure'] },
        registries: {},
      });
    },
  );
});

test('what is written counts', () => {
  const ca = join(folder, 'ca.crt');
  writeFileSync(ca, authority.caPem);
  const config = parseConfig(
    `pin: {keepTag: true, pullPolicy: keep, skip: ["quay.io/*"], skipAnnotation: [audit]}
cache: {age: 5m, negativeAge: 0s, staleAge: 1h}
limits: {concurrency: 4, queue: 0}
credentials: {cloud: [ecr]}
registries:
  registry.example.com:5000: {caFile: ${ca}}
  127.0.0.1:5000: {plainHttp: false}
`,
    'config.yaml',
  );
  expect(config.pin).toEqual({
    keepTag: true,
    pullPolicy: 'keep',
    otherDigest: 'keep',
    skip: ['quay.io/*'],
    skipAnnotation: ['audit'],
    whenGone: 'keep',
  });
  expect(config.cache).toMatchObject({ age: 300_000, negativeAge: 0, staleAge: 3_600_000 });
  expect(config.credentials.cloud).toEqual(['ecr']);
  expect(config.limits).toEqual({ concurrency: 4, queue: 0 });
  expect(config.registries['registry.example.com:5000']).toEqual({ caFile: ca });
  expect(config.registries['127.0.0.1:5000']).toEqual({ plainHttp: false });
});

test('a CA file of anything but certificates is a mistake', () => {
  const ca = join(folder, 'garbage.crt');
  writeFileSync(ca, '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n');
  expect(problemsOf(`registries: {r.example: {caFile: ${ca}}}`)).toEqual([
    `registries["r.example"].caFile: ${ca}: the file must be there and hold certificates in PEM`,
  ]);
});

test('a certificate of the webhook has to be there, with its key', async () => {
  const pair = await (await createAuthority()).issue(['tagpin.tagpin-system.svc']);
  const [certFile, keyFile] = [join(folder, 'tls.crt'), join(folder, 'tls.key')];
  const text = `webhook: {certificate: {certFile: ${certFile}, keyFile: ${keyFile}}}`;
  expect(problemsOf(text)).toHaveLength(2);
  writeFileSync(certFile, pair.cert);
  expect(problemsOf(text)).toHaveLength(1);
  writeFileSync(keyFile, pair.key);
  expect(parseConfig(text, 'config.yaml').webhook.certificate).toEqual({ certFile, keyFile });
  expect(problemsOf('webhook: {certificate: {certFile: tls.crt}}')).toEqual([
    'webhook.certificate.keyFile: write the path of the key, a file in PEM',
  ]);
});

test.each(['600h', '11m', '-1s', 30])('drain: %j is refused with what would do', (drain) => {
  expect(problemsOf(`webhook: {drain: ${drain}}`)).toEqual([
    `webhook.drain: ${drain}: write a duration from 0s to 10m, such as 30s`,
  ]);
});

test.each([
  ['8Mi', 8 * 2 ** 20],
  ['1Gi', 2 ** 30],
  ['20480Ki', 20 * 2 ** 20],
  [33554432, 2 ** 25],
])('inFlight: %j is so many bytes', (written, bytes) => {
  expect(parseConfig(`webhook: {inFlight: ${written}}`, 'config.yaml').webhook.inFlight).toBe(bytes);
});

test.each(['7Mi', '5Gi', '64MB', '64', '-8Mi', '1.5Gi', 'Mi'])('inFlight: %j is refused', (written) => {
  expect(problemsOf(`webhook: {inFlight: ${written}}`)).toEqual([
    `webhook.inFlight: ${written}: write a size from 8Mi to 4Gi, such as 64Mi`,
  ]);
});

test('parts of a millisecond are rounded', () => {
  expect(parseConfig('cache: {age: 1.5ms}', 'config.yaml').cache.age).toBe(2);
});

test('all mistakes are told at once, each with its path', () => {
  const problems = problemsOf(`webhook: {port: 99999, drain: soon}
pin: {keeptag: true, pullPolicy: Always}
cache: {age: 0s, negativeAge: 1h, staleAge: -1s}
limits: {concurrency: 0, queue: many, waiting: 1}
credentials: {cloud: [aws]}
registries:
  https://registry.example.com: {}
  registry.example.com:5000: {caFile: /does/not/exist}
`);
  expect(problems).toHaveLength(13);
  for (const path of [
    'webhook.port:',
    'webhook.drain: soon: write a duration',
    'pin.pullPolicy:',
    'pin.keeptag: no such key',
    'cache.age: 0s: write a duration from 1ms to 168h',
    'cache.negativeAge: 1h: write a duration from 0s to 5m',
    'cache.staleAge: -1s: write a duration',
    'limits.concurrency:',
    'limits.queue:',
    'limits.waiting: no such key',
    'credentials.cloud[0]: ',
    'registries["https://registry.example.com"]: write a host',
    'registries["registry.example.com:5000"].caFile: /does/not/exist: the file must be there',
  ]) {
    expect(
      problems.some((problem) => problem.startsWith(path)),
      `${path} in\n${problems.join('\n')}`,
    ).toBe(true);
  }
});

test('broken YAML is told with its line', () => {
  expect(problemsOf('pin:\n  keepTag: [\n')[0]).toMatch(/^line 3: /);
});

test.each(['[]', 'x', '7'])('%s is no configuration', (text) => {
  expect(problemsOf(text)).toHaveLength(1);
});

test('a key given twice is a mistake', () => {
  expect(problemsOf('pin: {}\npin: {}\n')[0]).toMatch(/^line 2: .*unique/);
});

test('a file that is not there is named', () => {
  expect(() => loadConfig(join(folder, 'missing.yaml'))).toThrow(
    /^configuration \S+missing\.yaml can't be read: there is no such file; correct the path$/,
  );
});

test("the environment tells tagpin's own namespace", () => {
  expect(readEnvironment({ POD_NAMESPACE: 'pins' }).namespace).toBe('pins');
  expect(readEnvironment({}).namespace).toBe('tagpin-system');
});

const RUN = '/run/containers/7/auth.json';

test.each([
  [{}, [RUN]],
  [{ HOME: '/h' }, ['/h/.docker/config.json', RUN, '/h/.config/containers/auth.json']],
  [{ USERPROFILE: '/h' }, ['/h/.docker/config.json', RUN, '/h/.config/containers/auth.json']],
  [{ HOME: '/h', DOCKER_CONFIG: '/d' }, ['/d/config.json', RUN, '/h/.config/containers/auth.json']],
  [{ HOME: '/h', XDG_CONFIG_HOME: '/c' }, ['/h/.docker/config.json', RUN, '/c/containers/auth.json']],
  [
    { HOME: '/h', REGISTRY_AUTH_FILE: '/auth.json', XDG_RUNTIME_DIR: '/run/user/1' },
    [
      '/auth.json',
      '/h/.docker/config.json',
      '/run/user/1/containers/auth.json',
      '/h/.config/containers/auth.json',
    ],
  ],
])('with %j the docker config may be at %j', (environment, places) => {
  expect(readEnvironment(environment, 7).dockerConfigs).toEqual(places);
});

describe('dockerConfig', () => {
  const file = join(folder, 'docker.json');

  test('is a path', () => {
    writeFileSync(file, '{"auths":{}}');
    expect(parseConfig(`dockerConfig: ${file}`, 'config.yaml').dockerConfig).toBe(file);
  });

  test.each([
    ['{"auths":{"quay.io":{"auth":"hunter2!"}}}', '(entry "quay.io"): "auth" is not base64;'],
    ['hunter2', 'it is not JSON;'],
  ])('%s in it is a mistake, told without what stands there', (text, told) => {
    writeFileSync(file, text);
    const [problem = ''] = problemsOf(`dockerConfig: ${file}`);
    expect(problem).toMatch(/^dockerConfig: .*docker\.json: invalid docker config/);
    expect(problem).toContain(told);
    expect(problem).not.toContain('hunter2');
  });

  test.each([
    ['absent.json', 'there is no such file'],
    ['', 'it is a folder'],
  ])('%j is a mistake: %s', (name, told) => {
    expect(problemsOf(`dockerConfig: ${join(folder, name)}`)[0]).toContain(told);
  });
});
