import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { PullSecrets } from '../../src/credentials/pull-secrets.ts';
import { createKubernetesApi } from '../../src/kubernetes/api.ts';
import { type Connection, connect } from '../../src/kubernetes/connection.ts';
import { patient } from '../registry/clients.ts';
import { type ApiServer, startSecureApiServer } from '../support/api-server.ts';
import { cases, testedIn, vectors } from '../support/vectors.ts';
import { pullSecret } from '../webhook/webhooks.ts';

const folder = mkdtempSync(join(tmpdir(), 'tagpin-secrets-'));
let api: ApiServer;
let connection: Connection;

beforeAll(async () => {
  api = await startSecureApiServer();
  await api.writeKubeconfig(join(folder, 'kubeconfig'));
  connection = connect({ kubeconfig: join(folder, 'kubeconfig') });
});
afterAll(async () => {
  await connection.close();
  await api.close();
  rmSync(folder, { recursive: true });
});
beforeEach(() => api.requests.clear());

/** A reader that remembers nothing of the tests before. */
const fresh = () => new PullSecrets(createKubernetesApi(connection));

function putServiceAccount(namespace: string, name: string, secrets: readonly string[]): void {
  api.put({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { namespace, name },
    imagePullSecrets: secrets.map((secret) => ({ name: secret })),
  });
}

/** The secrets that a puller's credentials for one host come from. */
async function sourcesFor(namespace: string, imagePullSecrets: string[], serviceAccountName: string) {
  const { keyring } = await fresh().credentials(
    { namespace, imagePullSecrets, serviceAccountName },
    patient(),
  );
  return keyring
    .lookup('registry.example.com/app')
    .map(({ source }) => source.replace(`secret ${namespace}/`, ''));
}

let namespaces = 0;

const secretNames = z.array(z.union([z.string(), z.object({ name: z.string() })]));
vectors('kubernetes.json', {
  pullPolicyDefault: testedIn('test/support/pull-policy.test.ts'),
  fields: testedIn('test/pin/walk.test.ts'),
  serviceAccountSecrets: cases(
    z.object({
      name: z.string(),
      pod: z.object({ imagePullSecrets: secretNames, serviceAccountName: z.string().optional() }).optional(),
      serviceAccount: z.object({ imagePullSecrets: z.array(z.string()) }).optional(),
      serviceAccountUsed: z.string().optional(),
      effective: z.array(z.string()).optional(),
    }),
    ({ name }) => name,
    async ({ name, pod, serviceAccount, serviceAccountUsed, effective }) => {
      if (name.startsWith('mirror pod')) {
        // It is let through before anybody thinks of secrets, which is tested where that happens.
        expect(readFileSync(join(import.meta.dirname, '../webhook/pod.test.ts'), 'utf8')).toContain(
          "test('a mirror pod, when a node creates it'",
        );
        return;
      }
      const namespace = `case-${++namespaces}`;
      const own = (pod?.imagePullSecrets ?? []).map((entry) =>
        typeof entry === 'string' ? entry : entry.name,
      );
      const account = pod?.serviceAccountName ?? serviceAccountUsed ?? 'default';
      const granted = serviceAccount?.imagePullSecrets ?? ['granted'];
      for (const name of [...own, ...granted]) {
        if (name !== '') api.put(pullSecret(name, 'registry.example.com', name, 'x', namespace));
      }
      putServiceAccount(namespace, account, granted);
      expect(await sourcesFor(namespace, own, account)).toEqual(effective ?? granted);
    },
  ),
});

describe('a secret', () => {
  test('that does not exist is skipped, and reported', async () => {
    api.put(pullSecret('there', 'registry.example.com', 'ada', 'x', 'team'));
    const puller = { namespace: 'team', imagePullSecrets: ['gone', 'there'], serviceAccountName: 'default' };
    const { keyring, missing } = await fresh().credentials(puller, patient());
    expect(missing).toEqual(['gone']);
    expect(keyring.lookup('registry.example.com/app')).toHaveLength(1);
  });

  test.each(['.', '..', 'a/b', '../pods', '%2e%2e', 'login?watch=1', 'LOGIN', 'a'.repeat(254), '\ud800'])(
    'called %j, which none can be, is missing, and costs no request',
    async (name) => {
      const puller = { namespace: 'team', imagePullSecrets: [name], serviceAccountName: 'default' };
      expect((await fresh().credentials(puller, patient())).missing).toEqual([name]);
      expect(api.requests.entries).toEqual([]);
    },
  );

  test('is read once for reviews that need it at the same time or soon after', async () => {
    api.put(pullSecret('busy', 'registry.example.com', 'ada', 'x', 'team'));
    const secrets = fresh();
    const puller = { namespace: 'team', imagePullSecrets: ['busy'], serviceAccountName: 'default' };
    await Promise.all([1, 2, 3].map(() => secrets.credentials(puller, patient())));
    await secrets.credentials(puller, patient());
    expect(api.requests.of('secrets')).toHaveLength(1);
  });

  test('that was just created is found at once', async () => {
    const secrets = fresh();
    const puller = { namespace: 'team', imagePullSecrets: ['late'], serviceAccountName: 'default' };
    expect((await secrets.credentials(puller, patient())).missing).toEqual(['late']);
    api.put(pullSecret('late', 'registry.example.com', 'ada', 'x', 'team'));
    expect((await secrets.credentials(puller, patient())).missing).toEqual([]);
  });

  test('is evicted sooner if many are of the largest size', async () => {
    const padding = Buffer.from(JSON.stringify({ auths: {}, padding: 'x'.repeat(900_000) })).toString(
      'base64',
    );
    const secrets = fresh();
    const read = (name: string) =>
      secrets.credentials(
        { namespace: 'large', imagePullSecrets: [name], serviceAccountName: 'default' },
        patient(),
      );
    for (let number = 0; number < 40; number++) {
      const secret = pullSecret(`large-${number}`, 'registry.example.com', 'u', 'p', 'large');
      api.put({ ...secret, data: { '.dockerconfigjson': padding } });
      await read(`large-${number}`);
    }
    api.requests.clear();
    await read('large-39');
    expect(api.requests.of('secrets')).toHaveLength(0);
    await read('large-0');
    expect(api.requests.of('secrets')).toHaveLength(1);
  });

  test('is only ever read by its name', async () => {
    await sourcesFor('team', ['a', 'b'], 'default');
    expect(api.requests.entries.map(({ method, path }) => `${method} ${path}`).sort()).toEqual([
      'GET /api/v1/namespaces/team/secrets/a',
      'GET /api/v1/namespaces/team/secrets/b',
    ]);
  });
});

test('a ServiceAccount that does not exist has no secrets', async () => {
  expect(await sourcesFor('team', [], 'nobody')).toEqual([]);
});

test('a ServiceAccount with a name that none can have has no secrets, and costs no request', async () => {
  expect(await sourcesFor('team', [], '..')).toEqual([]);
  expect(api.requests.entries).toEqual([]);
});

test('the ServiceAccount is not asked for when the pod has secrets of its own', async () => {
  await sourcesFor('team', ['a'], 'default');
  expect(api.requests.of('serviceaccounts')).toEqual([]);
});

describe('however many secrets a pod lists', () => {
  const names = Array.from({ length: 200 }, (_, i) => `secret-${i}`);
  const puller = { namespace: 'crowd', imagePullSecrets: names, serviceAccountName: 'default' };

  test('they are tried in the order of the list', async () => {
    for (const name of ['secret-1', 'secret-0', 'secret-150']) {
      api.put(pullSecret(name, 'registry.example.com', name, 'correct-horse', 'crowd'));
    }
    const { keyring, missing } = await fresh().credentials(puller, patient());
    expect(keyring.lookup('registry.example.com/app').map(({ source }) => source)).toEqual([
      'secret crowd/secret-0',
      'secret crowd/secret-1',
      'secret crowd/secret-150',
    ]);
    expect(missing).toHaveLength(197);
  });

  test('no other is read once one cannot be', async () => {
    const restore = api.fail({ resource: 'secrets', effect: 'forbidden' });
    await expect(fresh().credentials(puller, patient())).rejects.toMatchObject({ status: 403 });
    restore();
    expect(api.requests.of('secrets').length).toBeLessThan(10);
  });
});

test('a missing permission fails with the API server’s own message', async () => {
  const restore = api.fail({ resource: 'secrets', effect: 'forbidden' });
  const puller = { namespace: 'team', imagePullSecrets: ['a'], serviceAccountName: 'default' };
  await expect(fresh().credentials(puller, patient())).rejects.toMatchObject({
    status: 403,
    message: expect.stringContaining('cannot get resource'),
  });
  restore();
});

test('a ServiceAccount with more pull secrets than are read costs no read of any', async () => {
  const names = Array.from({ length: 3_000 }, (_, index) => `regcred-${index}`);
  putServiceAccount('crowded', 'default', names);
  const identity = { namespace: 'crowded', imagePullSecrets: [], serviceAccountName: 'default' };
  await expect(fresh().credentials(identity, patient())).rejects.toThrow(
    'ServiceAccount default has 3000 imagePullSecrets, and tagpin takes at most 100',
  );
  expect(api.requests.of('secrets')).toEqual([]);
});
