import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppsV1Api, CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { describe, expect, test } from 'vitest';
import { startApiServer } from './api-server.ts';
import { createAuthority } from './authority.ts';

describe('the Kubernetes client', () => {
  /** A client of a server with TLS and a token, by its kubeconfig. */
  async function connect(token = 'correct-horse') {
    const authority = await createAuthority();
    const tls = await authority.issue(['127.0.0.1']);
    const server = await startApiServer({ tls, caPem: authority.caPem, token: 'correct-horse' });
    server.put({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'a', namespace: 'team' },
      data: { k: 'dg==' },
    });
    const folder = await mkdtemp(join(tmpdir(), 'api-server-'));
    await server.writeKubeconfig(join(folder, 'kubeconfig'));
    const config = new KubeConfig();
    config.loadFromFile(join(folder, 'kubeconfig'));
    await rm(folder, { recursive: true });
    config.users = config.users.map((user) => ({ ...user, token }));
    return { server, config, [Symbol.asyncDispose]: () => server.close() };
  }
  test('reads a Secret', async () => {
    await using connection = await connect();
    const api = connection.config.makeApiClient(CoreV1Api);
    expect(await api.readNamespacedSecret({ name: 'a', namespace: 'team' })).toMatchObject({
      data: { k: 'dg==' },
    });
  });
  test('meets a missing object as an exception with the code', async () => {
    await using connection = await connect();
    const api = connection.config.makeApiClient(AppsV1Api);
    const reading = api.readNamespacedReplicaSet({ name: 'x', namespace: 'team' });
    await expect(reading).rejects.toMatchObject({ code: 404 });
  });
  test('replaces what it has read', async () => {
    await using connection = await connect();
    const api = connection.config.makeApiClient(CoreV1Api);
    const body = await api.readNamespacedSecret({ name: 'a', namespace: 'team' });
    await api.replaceNamespacedSecret({
      name: 'a',
      namespace: 'team',
      body: { ...body, data: { k: 'dw==' } },
    });
    expect(connection.server.find('Secret', 'team', 'a')).toMatchObject({ data: { k: 'dw==' } });
  });
  test('is unauthorized with another token', async () => {
    await using connection = await connect('wrong');
    const reading = connection.config.makeApiClient(CoreV1Api).listNamespacedSecret({ namespace: 'team' });
    await expect(reading).rejects.toMatchObject({ code: 401 });
  });
});
