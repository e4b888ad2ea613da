import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { isDigest } from '../../src/image/digest.ts';
import { parseReference } from '../../src/image/reference.ts';
import { RegistryError } from '../../src/registry/error.ts';
import { ACCEPT } from '../../src/registry/manifest.ts';
import { dockerImage, dockerList, image, index } from '../support/registry/image.ts';
import { type RegistryOptions, startRegistry } from '../support/registry/registry.ts';
import { startScriptedRegistry } from '../support/registry/scripted.ts';
import { type ScriptedResponse, scriptedResponse } from '../support/registry/scripted-response.ts';
import { cases, prose, testedIn, vectors, whole } from '../support/vectors.ts';
import { clientFor, tryResolve, user } from './clients.ts';

const digestOf = (result: Awaited<ReturnType<typeof tryResolve>>) =>
  result instanceof RegistryError ? `${result.failure}: ${result.message}` : result.digest;

const failureOf = (result: Awaited<ReturnType<typeof tryResolve>>) =>
  result instanceof RegistryError ? result.failure : result.digest;

const script = z.object({
  name: z.string(),
  reference: z.string(),
  responses: z.array(scriptedResponse),
  expect: z.object({
    digest: z.string().optional(),
    mediaType: z.string().optional(),
    requests: z.number().optional(),
    error: z.string().optional(),
    status: z.number().optional(),
    retryable: z.boolean().optional(),
    errorOr: z.object({ digestFromGET: z.string() }).optional(),
    sendHeader: z.tuple([z.string(), z.string()]).optional(),
    authorizationOnSecond: z.boolean().optional(),
  }),
});

/** A challenge before the script, so that the requests in it carry credentials. */
const challengeFirst: ScriptedResponse = {
  method: 'HEAD',
  status: 401,
  headers: { 'WWW-Authenticate': 'Basic realm="x"' },
};

vectors('manifest.json', {
  bodies: prose,
  digests: prose,
  errorBodies: testedIn('test/registry/error.test.ts'),
  retryable: testedIn('test/registry/error.test.ts'),
  logRedaction: testedIn('test/registry/error.test.ts'),
  accept: whole(z.object({ value: z.string() }), ({ value }) => expect(ACCEPT).toBe(value)),
  scripts: cases(
    script,
    ({ name }) => name,
    async ({ reference, responses, expect: expected }) => {
      const authorized = expected.authorizationOnSecond === true;
      const steps = authorized ? [challengeFirst, ...responses] : responses;
      await using registry = await startScriptedRegistry(steps, {
        name: 'registry.example',
        standInNames: true,
      });
      const client = clientFor(registry.host);
      const result = await tryResolve(
        client,
        `${registry.host}/a/b:${reference}`,
        authorized ? user('ada') : undefined,
      );

      const { entries } = registry.requests;
      if (expected.digest !== undefined) expect(digestOf(result)).toBe(expected.digest);
      if (expected.mediaType !== undefined) expect(result).toHaveProperty('mediaType', expected.mediaType);
      if (expected.requests !== undefined) expect(entries).toHaveLength(expected.requests);
      if (expected.error !== undefined) expect(failureOf(result)).toBe(expected.error);
      if (expected.status !== undefined) expect(result).toHaveProperty('status', expected.status);
      if (expected.retryable !== undefined) expect(result).toHaveProperty('retryable', expected.retryable);
      if (authorized)
        expect(entries.slice(-2).map(({ headers }) => headers.authorization !== undefined)).toEqual([
          true,
          true,
        ]);
      if (expected.sendHeader) {
        const [name, value] = expected.sendHeader;
        expect(entries.map(({ headers }) => headers[name.toLowerCase()])).toEqual(entries.map(() => value));
      }
      for (const { host, path, headers } of entries) {
        if (host === registry.host && path.includes('/manifests/')) expect(headers.accept).toBe(ACCEPT);
      }
      const { errorOr } = expected;
      if (errorOr)
        expect(result instanceof RegistryError || result.digest === errorOr.digestFromGET).toBe(true);
      else expect(registry.mismatches).toEqual([]);
      // Whatever the script, nothing that isn't a digest comes out.
      if (!(result instanceof RegistryError)) expect(isDigest(result.digest)).toBe(true);
    },
  ),
});

const MANIFEST = '/v2/a/b/manifests/t';
const DIGEST = `sha256:${'a'.repeat(64)}`;
const found: ScriptedResponse = {
  method: 'HEAD',
  status: 200,
  headers: { 'Content-Type': 'application/vnd.oci.image.index.v1+json', 'Docker-Content-Digest': DIGEST },
};
const bearer = (parameters: string): ScriptedResponse => ({
  method: 'HEAD',
  status: 401,
  headers: { 'WWW-Authenticate': `Bearer realm="https://auth.example/token",service="s",${parameters}` },
});
const granted = (token: string): ScriptedResponse => ({
  method: 'GET',
  host: 'auth.example',
  body: JSON.stringify({ token }),
});

/** Resolves against a script, as a user; tells what came out and which Authorization each request carried. */
async function follow(steps: ScriptedResponse[]) {
  await using registry = await startScriptedRegistry(steps, { name: 'registry.example', standInNames: true });
  const result = await tryResolve(clientFor(registry.host), `${registry.host}/a/b:t`, user('ada'));
  const asked = registry.requests.entries.map(({ method, host, path, query, headers }) => ({
    to: `${method} ${host.replace(/:\d+$/, '')}${path}`,
    scopes: query.getAll('scope'),
    authorization: headers.authorization,
  }));
  return { result: failureOf(result), asked, mismatches: registry.mismatches };
}

const BASIC = `Basic ${Buffer.from('ada:correct-horse').toString('base64')}`;

const flows: Record<string, () => Promise<void>> = {
  async 'cross-host challenge after redirect'() {
    const away: ScriptedResponse[] = [
      challengeFirst,
      { method: 'HEAD', status: 307, headers: { Location: 'http://cdn.example/blob' } },
    ];
    const challenged = (challenge: string): ScriptedResponse => ({
      method: 'HEAD',
      host: 'cdn.example',
      status: 401,
      headers: { 'WWW-Authenticate': challenge },
    });
    const bearerOf = (realm: string) => challenged(`Bearer realm="${realm}",service="cdn",scope="blob:pull"`);
    const atCdn = ({ asked }: Awaited<ReturnType<typeof follow>>) =>
      asked.filter(({ to }) => to.includes('cdn.example'));

    const exchanged = await follow([
      ...away,
      bearerOf('http://cdn.example/token'),
      { method: 'GET', host: 'cdn.example', path: '/token', body: '{"token":"everybodys"}' },
      { ...found, host: 'cdn.example' },
    ]);
    expect(exchanged.result).toBe(DIGEST);
    expect(atCdn(exchanged)).toEqual([
      { to: 'HEAD cdn.example/blob', scopes: [], authorization: undefined },
      { to: 'GET cdn.example/token', scopes: ['blob:pull'], authorization: undefined },
      { to: 'HEAD cdn.example/blob', scopes: [], authorization: 'Bearer everybodys' },
    ]);

    const basic = await follow([...away, challenged('Basic realm="cdn"')]);
    expect(basic.result).toBe('unauthorized');
    expect(atCdn(basic)).toHaveLength(1);

    const inside = await follow([...away, bearerOf('http://169.254.169.254/token')]);
    expect(inside.result).toBe('forbidden_address');
    expect(atCdn(inside)).toHaveLength(1);

    const again = await follow([
      ...away,
      bearerOf('http://cdn.example/token'),
      { method: 'GET', host: 'cdn.example', path: '/token', body: '{"token":"everybodys"}' },
      bearerOf('http://cdn.example/token'),
    ]);
    expect(again.result).toBe('unauthorized');
    expect(atCdn(again)).toHaveLength(3);
  },
  async 'same-host challenge'() {
    const { result, asked } = await follow([
      bearer('scope="repository:a/b:pull"'),
      granted('first'),
      bearer('scope="registry:catalog:*",error="insufficient_scope"'),
      granted('second'),
      found,
    ]);
    expect(result).toBe(DIGEST);
    expect(asked[3]).toEqual({
      to: 'GET auth.example/token',
      scopes: ['registry:catalog:*', 'repository:a/b:pull'],
      authorization: BASIC,
    });
    expect(asked[4]?.authorization).toBe('Bearer second');

    const more = await follow([
      bearer('scope="repository:base/image:pull"'),
      granted('first'),
      bearer('scope="registry:catalog:*",error="insufficient_scope"'),
      granted('second'),
      found,
    ]);
    expect(more.result).toBe(DIGEST);
    expect(more.asked[3]?.scopes).toEqual([
      'registry:catalog:*',
      'repository:base/image:pull',
      'repository:a/b:pull',
    ]);

    const nothingNew = await follow([
      bearer('scope="repository:a/b:pull repository:c:pull"'),
      granted('first'),
      bearer('scope="repository:c:pull",error="insufficient_scope"'),
    ]);
    expect(nothingNew.result).toBe('unauthorized');
    expect(nothingNew.asked).toHaveLength(3);
  },
  async 'token-server redirect'() {
    const { result, asked } = await follow([
      bearer('scope="repository:a/b:pull"'),
      {
        method: 'GET',
        host: 'auth.example',
        status: 307,
        headers: { Location: 'http://169.254.169.254/token' },
      },
    ]);
    expect(result).toBe('forbidden_address');
    expect(asked).toHaveLength(2);
  },
  async 'error parameter'() {
    const refused = bearer('scope="repository:a/b:pull",error="invalid_token"');
    const { result, asked } = await follow([refused, granted('first'), refused]);
    expect(result).toBe('unauthorized');
    expect(asked).toHaveLength(3);
  },
  async 'challenge only on 401'() {
    const refusal = { status: 403, headers: { 'WWW-Authenticate': 'Basic realm="x"' } };
    const { result, asked } = await follow([
      { method: 'HEAD', ...refusal },
      { method: 'GET', ...refusal },
    ]);
    expect(result).toBe('denied');
    expect(asked.map(({ authorization }) => authorization)).toEqual([undefined, undefined]);
  },
};

vectors('challenge.json', {
  parse: testedIn('test/registry/challenge.test.ts'),
  tokenRequest: testedIn('test/registry/token.test.ts'),
  tokenResponse: testedIn('test/registry/token.test.ts'),
  realmPolicy: testedIn('test/registry/address.test.ts'),
  redirectPolicy: testedIn('test/registry/address.test.ts'),
  canonicalAddress: testedIn('test/registry/address.test.ts'),
  flows: cases(
    z.object({ name: z.string() }),
    ({ name }) => name,
    async ({ name }) => {
      const flow = flows[name];
      if (flow === undefined) throw new Error('a flow that no test here plays');
      await flow();
    },
  ),
});

describe('the digest of', () => {
  const amd64 = image();
  const arm64 = image({ platform: { os: 'linux', architecture: 'arm64' } });
  test.each([
    ['a single OCI image', amd64],
    ['a single Docker image', dockerImage()],
    ['an OCI index', index([amd64, arm64])],
    ['an index that leaves its media type out', index([amd64, arm64], { withoutMediaType: true })],
    [
      'a Docker manifest list',
      dockerList([dockerImage(), dockerImage({ platform: { os: 'linux', architecture: 'arm64' } })]),
    ],
  ])('%s is its own, with one request', async (_name, pushed) => {
    await using registry = await startRegistry();
    const digest = registry.push('team/app', '1', pushed);
    expect(digestOf(await tryResolve(clientFor(registry.host), `${registry.host}/team/app:1`))).toBe(digest);
    expect(registry.requests.entries).toHaveLength(1);
  });
});

test('no tag means latest', async () => {
  await using registry = await startRegistry();
  const digest = registry.push('app', 'latest', image());
  expect(digestOf(await tryResolve(clientFor(registry.host), `${registry.host}/app`))).toBe(digest);
});

describe('authentication', () => {
  const users = [{ name: 'ada', password: 'correct-horse', pull: ['team/*'] }];
  const schemes: RegistryOptions['auth'][] = [{ scheme: 'basic' }, { scheme: 'bearer' }];

  describe.each(schemes)('by %o', (auth) => {
    const start = (options: Partial<RegistryOptions> = {}) =>
      startRegistry({ ...(auth && { auth }), users, ...options });

    test('at a host in upper case takes the password too', async () => {
      await using registry = await start({ name: 'registry.example' });
      const digest = registry.push('team/app', '1', image());
      const client = clientFor(registry.host);
      const reference = `${registry.host.toUpperCase()}/team/app:1`;
      expect(digestOf(await tryResolve(client, reference, user('ada')))).toBe(digest);
      expect(registry.requests.entries.map(({ query }) => query.has('ns'))).not.toContain(true);
    });

    test('with the right password finds the digest', async () => {
      await using registry = await start();
      const digest = registry.push('team/app', '1', image());
      expect(
        digestOf(await tryResolve(clientFor(registry.host), `${registry.host}/team/app:1`, user('ada'))),
      ).toBe(digest);
    });

    test('with a wrong password is refused', async () => {
      await using registry = await start();
      registry.push('team/app', '1', image());
      const result = await tryResolve(
        clientFor(registry.host),
        `${registry.host}/team/app:1`,
        user('ada', 'wrong'),
      );
      expect(failureOf(result)).toBe('unauthorized');
    });

    test('without a credential is refused', async () => {
      await using registry = await start();
      registry.push('team/app', '1', image());
      expect(failureOf(await tryResolve(clientFor(registry.host), `${registry.host}/team/app:1`))).toBe(
        'unauthorized',
      );
    });

    test('is not wasted on a second look: one request when warm', async () => {
      await using registry = await start();
      registry.push('team/app', '1', image());
      const client = clientFor(registry.host);
      await tryResolve(client, `${registry.host}/team/app:1`, user('ada'));
      registry.requests.clear();
      await tryResolve(client, `${registry.host}/team/app:1`, user('ada'));
      expect(registry.requests.entries).toHaveLength(1);
    });

    test("never shows one user's authorization for another", async () => {
      await using registry = await start();
      registry.push('team/app', '1', image());
      const client = clientFor(registry.host);
      await tryResolve(client, `${registry.host}/team/app:1`, user('ada'));
      expect(failureOf(await tryResolve(client, `${registry.host}/team/app:1`, user('eve')))).toBe(
        'unauthorized',
      );
      expect(failureOf(await tryResolve(client, `${registry.host}/team/app:1`))).toBe('unauthorized');
    });
  });

  test.each(schemes)('by %o: what was shown is not told, should the registry repeat it', async (auth) => {
    await using registry = await startRegistry({ ...(auth && { auth }), users });
    registry.push('team/app', '1', image());
    registry.fault = ({ path, headers }) => {
      if (!path.includes('/manifests/') || headers.authorization === undefined) return undefined;
      return { outcome: { status: 400, body: `bad header: ${headers.authorization}` } };
    };
    const result = await tryResolve(clientFor(registry.host), `${registry.host}/team/app:1`, user('ada'));
    expect(result).toMatchObject({
      failure: 'status',
      message: expect.stringMatching(/^bad header: \w+ xxxxx$/),
    });
  });

  test('by Bearer takes three requests when cold, and no ping', async () => {
    await using registry = await startRegistry({ auth: { scheme: 'bearer' }, users });
    registry.push('team/app', '1', image());
    await tryResolve(clientFor(registry.host), `${registry.host}/team/app:1`, user('ada'));
    const asked = registry.requests.entries.map(({ method, path }) => `${method} ${path}`);
    const manifest = 'HEAD /v2/team/app/manifests/1';
    expect(asked).toEqual([manifest, 'GET /token', manifest]);
  });

  test('by Bearer gets over a revoked token', async () => {
    await using registry = await startRegistry({ auth: { scheme: 'bearer' }, users });
    const digest = registry.push('team/app', '1', image());
    const client = clientFor(registry.host);
    await tryResolve(client, `${registry.host}/team/app:1`, user('ada'));
    registry.revokeTokens();
    expect(digestOf(await tryResolve(client, `${registry.host}/team/app:1`, user('ada')))).toBe(digest);
  });

  test('by Bearer renews a revoked token once, however late the last is told that it was', async () => {
    await using registry = await startRegistry({ auth: { scheme: 'bearer' }, users });
    for (const tag of ['1', '2']) registry.push('team/app', tag, image());
    const client = clientFor(registry.host);
    const ask = (tag: string) => tryResolve(client, `${registry.host}/team/app:${tag}`, user('ada'));
    await ask('1');
    registry.revokeTokens();
    registry.fault = ({ path }) => (path.endsWith('/2') ? { delayMs: 200 } : undefined);
    const results = await Promise.all([ask('1'), ask('2')]);
    expect(results.map(failureOf)).toEqual([
      registry.digest('team/app', '1'),
      registry.digest('team/app', '2'),
    ]);
    expect(registry.requests.tokens()).toHaveLength(2);
  });

  test('by Bearer asks for one token for many images of a repository at once', async () => {
    await using registry = await startRegistry({ auth: { scheme: 'bearer' }, users });
    for (const tag of ['1', '2', '3', '4']) registry.push('team/app', tag, image());
    const client = clientFor(registry.host);
    await Promise.all(
      ['1', '2', '3', '4'].map((tag) => tryResolve(client, `${registry.host}/team/app:${tag}`, user('ada'))),
    );
    expect(registry.requests.tokens()).toHaveLength(1);
  });

  test('by Bearer is anonymous for a public repository', async () => {
    await using registry = await startRegistry({ auth: { scheme: 'bearer' }, users, public: ['open/*'] });
    const digest = registry.push('open/app', '1', image());
    expect(digestOf(await tryResolve(clientFor(registry.host), `${registry.host}/open/app:1`))).toBe(digest);
  });
});

describe('a registry that', () => {
  test("asks for a token without saying from where hasn't refused anybody", async () => {
    const { result } = await follow([
      { method: 'HEAD', status: 401, headers: { 'WWW-Authenticate': 'Bearer service="s"' } },
    ]);
    expect(result).toBe('missing_realm');
  });

  test("names a token server that isn't there hasn't said that there is no such image", async () => {
    const { result } = await follow([
      bearer('scope="repository:a/b:pull"'),
      { method: 'GET', host: 'auth.example', status: 404, body: 'no such page' },
    ]);
    expect(result).toBe('no_token');
  });

  test("isn't there can't be reached", async () => {
    const registry = await startRegistry();
    await registry.close();
    expect(failureOf(await tryResolve(clientFor(registry.host), `${registry.host}/app:1`))).toBe('network');
  });

  test('says nothing runs into the deadline', async () => {
    await using registry = await startRegistry();
    registry.fault = { outcome: 'hang' };
    const started = performance.now();
    const client = clientFor(registry.host);
    const asked = client.resolve(
      parseReference(`${registry.host}/app:1`),
      undefined,
      AbortSignal.timeout(200),
    );
    await expect(asked).rejects.toMatchObject({ failure: 'timeout' });
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  test('redirects in circles is left', async () => {
    const circle: ScriptedResponse = { method: 'HEAD', status: 307, headers: { Location: MANIFEST } };
    await using registry = await startScriptedRegistry([circle], { repeatLast: true });
    expect(failureOf(await tryResolve(clientFor(registry.host), `${registry.host}/a/b:t`))).toBe('redirect');
    expect(registry.requests.entries.length).toBeLessThan(10);
  });

  test('is no valid host is not asked', async () => {
    expect(failureOf(await tryResolve(clientFor(), 'ex_ample.com/foo'))).toBe('invalid_host');
    expect(failureOf(await tryResolve(clientFor(), 'example.com:99999/foo'))).toBe('invalid_host');
  });
});
