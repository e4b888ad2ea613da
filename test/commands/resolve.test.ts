import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createAuthority } from '../support/authority.ts';
import { interrupted, start, tagpin } from '../support/command-line.ts';
import { answering, writeCredentialHelper } from '../support/credential-helper.ts';
import { artifact, image, index } from '../support/registry/image.ts';
import { type Registry, startRegistry } from '../support/registry/registry.ts';
import { startScriptedRegistry } from '../support/registry/scripted.ts';

const folder = mkdtempSync(join(tmpdir(), 'tagpin-resolve-'));
const password = 'correct-horse';
const users = [{ name: 'ada', password, pull: ['*'], identityToken: 'refresh-me' }];
const platforms = () => [image(), image({ platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } })];

let bearer: Registry;
let basic: Registry;
beforeAll(async () => {
  bearer = await startRegistry({ auth: { scheme: 'bearer' }, users, public: ['open/*'] });
  basic = await startRegistry({ auth: { scheme: 'basic' }, users, public: ['open/*'] });
});
afterAll(async () => {
  await Promise.all([bearer.close(), basic.close()]);
  rmSync(folder, { recursive: true });
});

let number = 0;
/** Puts an image where everyone may pull it, or only ada. */
function push(registry: Registry, built = image(), where: 'open' | 'private' = 'open') {
  const name = `${where}/app${number++}`;
  const digest = registry.push(name, '1.0', built);
  return { name: `${registry.host}/${name}`, tagged: `${registry.host}/${name}:1.0`, digest };
}

/** Writes a docker config and gives its path. */
function dockerConfig(content: unknown): string {
  const path = join(folder, `${number++}.json`);
  writeFileSync(path, JSON.stringify(content));
  return path;
}

const login = (registry: Registry, secret = password) =>
  dockerConfig({ auths: { [registry.host]: { auth: Buffer.from(`ada:${secret}`).toString('base64') } } });

const withoutStack = (text: string) => expect(text).not.toMatch(/^\s+at /m);

describe('tagpin resolve prints the digest, and nothing else,', () => {
  test.each([
    ['a single image', () => image()],
    ['an index', () => index(platforms())],
  ])('of %s', async (_what, build) => {
    const { tagged, digest } = push(bearer, build());
    const { code, stdout, stderr } = await tagpin(['resolve', tagged]);
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: `${digest}\n`, stderr: '' });
  });

  test('of what has a digest already: it is there, whatever the tag says', async () => {
    const { name, tagged, digest } = push(basic);
    const byTagAndDigest = `${tagged}@${digest}`;
    basic.push(name.slice(basic.host.length + 1), '1.0', image());
    const { code, stdout } = await tagpin(['resolve', `${name}@${digest}`, byTagAndDigest]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${digest}\n${digest}\n` });
  });

  test('of several images in the order given, all at once', async () => {
    const images = Array.from({ length: 8 }, () => push(bearer));
    const slow = images[0]?.name ?? '';
    bearer.fault = ({ path, method }) =>
      method === 'HEAD' && path.includes(slow.slice(bearer.host.length)) ? { delayMs: 500 } : undefined;
    try {
      const { code, stdout } = await tagpin(['resolve', ...images.map(({ tagged }) => tagged)]);
      expect(code).toBe(0);
      expect(stdout).toBe(images.map(({ digest }) => `${digest}\n`).join(''));
    } finally {
      bearer.fault = undefined;
    }
  });

  test('of an image that is written twice, asking once', async () => {
    const { tagged, name, digest } = push(basic);
    const { stdout } = await tagpin(['resolve', tagged, tagged]);
    expect(stdout).toBe(`${digest}\n${digest}\n`);
    expect(basic.requests.manifests(name.slice(basic.host.length + 1))).toHaveLength(1);
  });

  test('to nobody, if nobody reads it', async () => {
    const { child, result } = start(['resolve', push(basic).tagged]);
    child.stdout?.destroy();
    withoutStack((await result.catch(() => ({ stderr: '' }))).stderr);
  });
});

describe('tagpin resolve is logged in by', () => {
  test.each([
    ['Bearer', () => bearer],
    ['Basic', () => basic],
  ])('--docker-config, with %s', async (_scheme, registry) => {
    const { tagged, digest } = push(registry(), image(), 'private');
    const { code, stdout } = await tagpin(['resolve', '--docker-config', login(registry()), tagged]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${digest}\n` });
  });

  test('an identity token', async () => {
    const { tagged, digest } = push(bearer, image(), 'private');
    const config = dockerConfig({ auths: { [bearer.host]: { identitytoken: 'refresh-me' } } });
    const { stdout, stderr } = await tagpin(['resolve', '--docker-config', config, tagged]);
    expect({ stdout, stderr }).toEqual({ stdout: `${digest}\n`, stderr: '' });
  });

  test.each([
    ['DOCKER_CONFIG', (home: string) => ({ DOCKER_CONFIG: join(home, '.docker') })],
    ['HOME', (home: string) => ({ HOME: home })],
    ['REGISTRY_AUTH_FILE', (home: string) => ({ REGISTRY_AUTH_FILE: join(home, '.docker/config.json') })],
  ])('the docker config that %s leads to', async (_variable, environment) => {
    const { tagged, digest } = push(basic, image(), 'private');
    const home = join(folder, `home${number++}`);
    mkdirSync(join(home, '.docker'), { recursive: true });
    writeFileSync(
      join(home, '.docker/config.json'),
      JSON.stringify({ auths: { [basic.host]: { username: 'ada', password } } }),
    );
    expect((await tagpin(['resolve', tagged], environment(home))).stdout).toBe(`${digest}\n`);
  });

  const programs = join(folder, 'bin');
  const onPath = { PATH: `${programs}${delimiter}${process.env['PATH']}` };

  test('a credential helper', async () => {
    const helper = writeCredentialHelper(programs, 'works', answering('ada', password));
    const images = [push(basic, image(), 'private'), push(basic, image(), 'private')];
    const config = dockerConfig({ auths: { [basic.host]: {} }, credsStore: 'works' });
    const { stdout, stderr } = await tagpin(
      ['resolve', '--docker-config', config, ...images.map(({ tagged }) => tagged)],
      onPath,
    );
    expect({ stdout, stderr }).toEqual({
      stdout: images.map(({ digest }) => `${digest}\n`).join(''),
      stderr: '',
    });
    expect(helper.asked()).toEqual([`get ${basic.host}`]);
  });

  test('nothing, where the helper is missing and the image is for everyone', async () => {
    const { tagged, digest } = push(basic);
    const config = dockerConfig({ credsStore: 'nowhere' });
    const { stdout, stderr } = await tagpin(['resolve', '--docker-config', config, tagged]);
    expect({ stdout, stderr }).toEqual({ stdout: `${digest}\n`, stderr: '' });
  });

  test('a missing helper: told with the refusal', async () => {
    const { tagged } = push(basic, image(), 'private');
    const config = dockerConfig({ credHelpers: { [basic.host]: 'nowhere' } });
    const { code, stderr } = await tagpin(['resolve', '--docker-config', config, tagged]);
    expect(code).toBe(3);
    expect(stderr).toBe(
      `${tagged}: access refused (401); ` +
        "docker-credential-nowhere isn't installed; install it, or take it out of the docker config\n",
    );
  });

  test('a helper that hangs: named, when the time is up', async () => {
    writeCredentialHelper(programs, 'hangs', 'exec sleep 30');
    const { tagged } = push(basic, image(), 'private');
    const config = dockerConfig({ credsStore: 'hangs' });
    const { code, stderr, milliseconds } = await tagpin(
      ['resolve', '--docker-config', config, '--timeout', '500ms', tagged],
      onPath,
    );
    expect(code).toBe(3);
    expect(stderr).toBe(
      `${tagged}: docker-credential-hangs doesn't answer in time; ` +
        'try "docker-credential-hangs get" by hand\n',
    );
    expect(milliseconds).toBeLessThan(20_000);
  });
});

const jsonShape = z.array(
  z.looseObject({
    image: z.string(),
    requests: z.number().optional(),
    milliseconds: z.number().optional(),
  }),
);

describe('tagpin resolve -o json', () => {
  const json = async (...args: string[]) => {
    const { code, stdout, stderr } = await tagpin(['resolve', '-o', 'json', ...args]);
    return { code, stderr, entries: jsonShape.parse(JSON.parse(stdout)) };
  };

  test('tells what an index is', async () => {
    const built = index(platforms());
    const { name, tagged, digest } = push(bearer, built);
    const { code, entries } = await json(tagged);
    expect(code).toBe(0);
    expect(entries).toEqual([
      {
        image: tagged,
        reference: `${name}@${digest}`,
        digest,
        mediaType: built.mediaType,
        size: built.bytes.length,
        platforms: ['linux/amd64', 'linux/arm64/v8'],
        credential: 'anonymous',
        requests: 3,
        milliseconds: expect.any(Number),
      },
    ]);
  });

  test('tells the platform of a single image, and where the credential came from but not what it is', async () => {
    const { tagged } = push(basic, image({ platform: { os: 'linux', architecture: 's390x' } }), 'private');
    const config = login(basic);
    const { entries } = await json('--docker-config', config, tagged);
    expect(entries).toMatchObject([
      { platforms: ['linux/s390x'], credential: `docker config ${config}`, requests: 2 },
    ]);
    expect(JSON.stringify(entries)).not.toContain(password);
  });

  test('tells no platform of what is no image', async () => {
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    const content = JSON.stringify({
      schemaVersion: 2,
      mediaType,
      config: {
        mediaType: 'application/vnd.cncf.helm.config.v1+json',
        digest: `sha256:${createHash('sha256').update('{}').digest('hex')}`,
        size: 2,
      },
      layers: [],
    });
    const { tagged } = push(basic, artifact(mediaType, content));
    expect((await json(tagged)).entries).toMatchObject([{ size: content.length, platforms: [] }]);
  });

  test('keeps a place for each image, the failed ones too', async () => {
    const { tagged, digest } = push(basic);
    const absent = `${basic.host}/open/absent:1`;
    const { code, entries, stderr } = await json(absent, tagged);
    const message = 'not found (404 MANIFEST_UNKNOWN); push the tag or correct the image';
    expect(code).toBe(3);
    expect(entries).toMatchObject([{ image: absent, error: { reason: 'not_found', message } }, { digest }]);
    expect(stderr).toBe(`${absent}: ${message}\n`);
  });
});

describe('tagpin resolve by --registry-config', () => {
  test('trusts a CA of its own, in a whole configuration of tagpin', async () => {
    const authority = await createAuthority();
    await using registry = await startRegistry({ tls: await authority.issue(['127.0.0.1']) });
    const { tagged, digest } = push(registry);
    const untrusting = join(folder, `${number++}.yaml`);
    writeFileSync(untrusting, `registries: {"${registry.host}": {plainHttp: false}}\n`);
    const refused = await tagpin(['resolve', '--registry-config', untrusting, tagged]);
    expect(refused.code).toBe(3);
    expect(refused.stderr).toBe(
      `${tagged}: the registry isn't trusted (its certificate is signed by a CA that isn't known: ` +
        "UNABLE_TO_VERIFY_LEAF_SIGNATURE); add the registry's CA to a configuration (registries.<host>.caFile) and give " +
        "that by --registry-config FILE: the webhook's, with paths that are right on this machine\n",
    );

    const caFile = join(folder, 'ca.crt');
    writeFileSync(caFile, authority.caPem);
    const config = join(folder, `${number++}.yaml`);
    writeFileSync(
      config,
      `pin: {keepTag: true}\nregistries: {"${registry.host}": {caFile: "${caFile}"}}\ndockerConfig: ${login(basic)}\n`,
    );
    const secret = push(basic, image(), 'private');
    const { stdout, stderr } = await tagpin(['resolve', '--registry-config', config, tagged, secret.tagged]);
    expect({ stdout, stderr }).toEqual({ stdout: `${digest}\n${secret.digest}\n`, stderr: '' });
  });
});

describe('tagpin resolve fails, with exit code 3 and a line that says why and what to do, for', () => {
  const line = async (...args: string[]) => {
    const { code, stdout, stderr } = await tagpin(['resolve', ...args]);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    withoutStack(stderr);
    return stderr;
  };

  test('an absent tag', async () => {
    const { name } = push(bearer);
    expect(await line(`${name}:9.9`)).toBe(
      `${name}:9.9: not found (404 MANIFEST_UNKNOWN); push the tag or correct the image\n`,
    );
  });

  test('a digest that is not there', async () => {
    const { name } = push(basic);
    const absent = `${name}@sha256:${'a'.repeat(64)}`;
    expect(await line(absent)).toContain(`${absent}: not found (404 MANIFEST_UNKNOWN)`);
  });

  test('a wrong password, whose file is named', async () => {
    const { tagged } = push(basic, image(), 'private');
    const config = login(basic, 'hunter2');
    const stderr = await line('--docker-config', config, tagged);
    expect(stderr).toBe(
      `${tagged}: access refused (401); correct the credentials in docker config ${config}, or the image\n`,
    );
    expect(stderr).not.toContain('hunter2');
  });

  test('no login', async () => {
    const { tagged } = push(basic, image(), 'private');
    expect(await line(tagged)).toBe(
      `${tagged}: access refused (401); log in with "docker login ${basic.host}", or correct the image\n`,
    );
  });

  test('a host that cannot be reached', async () => {
    expect(await line('127.0.0.1:1/app')).toMatch(
      /^127\.0\.0\.1:1\/app: the registry can't be reached \(the connection was refused\); /,
    );
  });

  test('a registry that does not answer in time', async () => {
    await using hanging = await startRegistry();
    hanging.fault = { outcome: 'hang' };
    expect(await line('--timeout', '300ms', `${hanging.host}/app:1`)).toContain("didn't answer in time");
  });

  test('a digest that the registry answers with another', async () => {
    const other = `sha256:${'b'.repeat(64)}`;
    await using registry = await startScriptedRegistry([
      {
        method: 'HEAD',
        status: 200,
        headers: {
          'Content-Type': 'application/vnd.oci.image.index.v1+json',
          'Docker-Content-Digest': other,
        },
      },
    ]);
    const asked = `${registry.host}/app@sha256:${'a'.repeat(64)}`;
    expect(await line(asked)).toContain(`${asked}: the registry contradicts itself`);
  });

  test('one image of several, whose line stays empty; the others are printed', async () => {
    const [first, last] = [push(bearer), push(basic)];
    const absent = `${bearer.host}/open/absent:1`;
    const { code, stdout, stderr } = await tagpin(['resolve', first.tagged, absent, last.tagged]);
    expect({ code, stdout }).toEqual({ code: 3, stdout: `${first.digest}\n\n${last.digest}\n` });
    expect(stderr).toBe(`${absent}: not found (404 MANIFEST_UNKNOWN); push the tag or correct the image\n`);
  });
});

describe('tagpin resolve used wrongly ends with exit code 2 and says how it is right:', () => {
  const message = async (...args: string[]) => {
    const { code, stdout, stderr } = await tagpin(['resolve', ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    withoutStack(stderr);
    return stderr;
  };

  test('what is no image, all of it named before anything is asked', async () => {
    const { tagged, name } = push(basic);
    const stderr = await message(tagged, 'NGINX', 'a b');
    expect(stderr).toContain('invalid image reference "NGINX": ');
    expect(stderr).toContain('invalid image reference "a b": ');
    expect(basic.requests.manifests(name.slice(basic.host.length + 1))).toEqual([]);
  });

  test('no image', async () => {
    expect(await message()).toContain("missing required argument 'image'");
  });

  test('an option that is none', async () => {
    expect(await message('--nope', 'nginx')).toContain("unknown option '--nope'");
  });

  test('an output that is none', async () => {
    expect(await message('-o', 'yaml', 'nginx')).toContain('Allowed choices are json');
  });

  test.each(['soon', '0s', '-1s', '10'])('a timeout of %s', async (timeout) => {
    expect(await message(`--timeout=${timeout}`, 'nginx')).toContain('Write a duration above 0');
  });

  test('a docker config that is not there', async () => {
    const path = join(folder, 'absent.json');
    expect(await message('--docker-config', path, 'nginx')).toBe(
      `tagpin: docker config ${path} can't be read: there is no such file; correct the path\n`,
    );
  });

  test('a docker config that is none, found where docker has it', async () => {
    const home = join(folder, 'broken-home');
    mkdirSync(join(home, '.docker'), { recursive: true });
    const path = join(home, '.docker/config.json');
    writeFileSync(path, '{"auths":{"quay.io":{"auth":"hunter2!"}}}');
    const { code, stderr } = await tagpin(['resolve', 'nginx'], { HOME: home });
    expect(code).toBe(2);
    expect(stderr).toBe(
      `tagpin: ${path}: invalid docker config (entry "quay.io"): "auth" is not base64; ` +
        'correct the file, or log in again\n',
    );
  });

  test('a configuration with mistakes, each with its path', async () => {
    const config = join(folder, 'wrong.yaml');
    writeFileSync(config, 'registries: {"https://x": {}}\npin: {keeptag: true}\n');
    const stderr = await message('--registry-config', config, 'nginx');
    expect(stderr).toContain('registries["https://x"]: write a host');
    expect(stderr).toContain('pin.keeptag: no such key');
  });
});

test('Ctrl-C ends it at once with exit code 130, whatever hangs', async () => {
  await using hanging = await startRegistry();
  const done = push(basic);
  hanging.fault = { outcome: 'hang' };
  const args = ['resolve', done.tagged, `${hanging.host}/app:1`];
  expect(await interrupted(args, () => hanging.requests.count() > 0, 200)).toEqual({
    code: 130,
    stdout: `${done.digest}\n`,
    stderr: 'tagpin: 1 of 2 images not resolved yet\ntagpin: ended by SIGINT\n',
  });
});

test('Ctrl-C leaves in JSON what is known, whatever stands before it', async () => {
  await using hanging = await startRegistry();
  const done = push(basic);
  hanging.fault = { outcome: 'hang' };
  const unknown = `${hanging.host}/app:1`;
  const args = ['resolve', '-o', 'json', unknown, done.tagged];
  const { code, stdout } = await interrupted(args, () => hanging.requests.count() > 0, 300);
  expect(code).toBe(130);
  expect(JSON.parse(stdout)).toMatchObject([
    { image: unknown, error: { reason: 'interrupted' } },
    { image: done.tagged, digest: done.digest },
  ]);
});

test('asks a registry for no more images at once than --concurrency says', async () => {
  await using registry = await startRegistry();
  const images = Array.from({ length: 6 }, () => push(registry));
  let [now, most] = [0, 0];
  registry.fault = ({ method }) => {
    if (method !== 'HEAD') return undefined;
    most = Math.max(most, ++now);
    setTimeout(() => now--, 90);
    return { delayMs: 100 };
  };
  const { code } = await tagpin(['resolve', '--concurrency', '2', ...images.map(({ tagged }) => tagged)]);
  expect({ code, most }).toEqual({ code: 0, most: 2 });
});

describe('tagpin resolve --platform prints the digest for', () => {
  const resolveFor = (platform: string, tagged: string) =>
    tagpin(['resolve', '--platform', platform, tagged]);

  test.each([
    ['linux/amd64', 0],
    ['linux/arm64', 1],
    ['linux/arm64/v8', 1],
  ])('%s in an index', async (platform, which) => {
    const images = platforms();
    const { tagged } = push(basic, index(images));
    const { code, stdout } = await resolveFor(platform, tagged);
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${images[which]?.digest}\n` });
  });

  test('a single image, if it is its platform', async () => {
    const { tagged, digest } = push(basic, image());
    expect((await resolveFor('linux/amd64', tagged)).stdout).toBe(`${digest}\n`);
    const { code, stderr } = await resolveFor('linux/s390x', tagged);
    expect({ code, stderr }).toEqual({
      code: 3,
      stderr: expect.stringMatching(
        /: the image isn't for linux\/s390x: it is for linux\/amd64; choose another platform/,
      ),
    });
  });

  test('no platform that an index lacks, nor a text that is none', async () => {
    const { tagged } = push(basic, index(platforms()));
    expect((await resolveFor('linux/arm', tagged)).stderr).toContain('it is for linux/amd64, linux/arm64/v8');
    expect(await resolveFor('arm64', tagged)).toMatchObject({ code: 2 });
  });
});
