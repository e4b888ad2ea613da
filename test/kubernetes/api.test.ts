import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createKubernetesApi } from '../../src/kubernetes/api.ts';
import { connect } from '../../src/kubernetes/connection.ts';
import { resources } from '../../src/kubernetes/resources.ts';
import { patient } from '../registry/clients.ts';
import { type ApiServer, startSecureApiServer } from '../support/api-server.ts';

/** Of which nothing is looked at. */
const anything = z.unknown();

async function all<T>(list: AsyncIterable<T>): Promise<T[]> {
  const objects: T[] = [];
  for await (const object of list) objects.push(object);
  return objects;
}

async function start() {
  const server = await startSecureApiServer();
  const folder = mkdtempSync(join(tmpdir(), 'tagpin-api-'));
  await server.writeKubeconfig(join(folder, 'kubeconfig'));
  const connection = connect({ kubeconfig: join(folder, 'kubeconfig') });
  return {
    server,
    api: createKubernetesApi(connection),
    async [Symbol.asyncDispose]() {
      await connection.close();
      await server.close();
      rmSync(folder, { recursive: true });
    },
  };
}

describe('a name that no object can have', () => {
  test('is read as an object that does not exist, without a request', async () => {
    await using at = await start();
    expect(await at.api.readMetadata(resources.ReplicaSet, 'team', '..', patient())).toBeUndefined();
    expect(await all(at.api.list(resources.Pod, '..', anything, patient()))).toEqual([]);
    expect(at.server.requests.entries).toEqual([]);
  });

  test('is no object to be written', async () => {
    await using at = await start();
    const patching = at.api.patchSecret('team', 'a/b', [], patient());
    await expect(patching).rejects.toMatchObject({ name: 'KubernetesError', status: 404 });
    expect(at.server.requests.entries).toEqual([]);
  });
});

describe('an error', () => {
  test('quotes no more of a path than a line has room for, and nothing of its query', async () => {
    await using at = await start();
    at.server.fail({ effect: { outcome: { status: 500, body: '{}' } } });
    const reading = at.api.readMetadata(resources.ReplicaSet, 'team', 'x'.repeat(253), patient());
    await expect(reading).rejects.toMatchObject({
      message: expect.stringMatching(/^GET \/apis\/apps\/v1\/namespaces\/team\/replicasets\/x{100,}…: 500$/),
    });
    const labelSelector = `app=${'y'.repeat(63)}`;
    const listing = all(at.api.list(resources.Pod, 'team', anything, patient(), { labelSelector }));
    await expect(listing).rejects.toMatchObject({ message: 'GET /api/v1/namespaces/team/pods: 500' });
  });

  test('quotes only the beginning of a long answer', async () => {
    await using at = await start();
    const body = JSON.stringify({ message: 'no'.repeat(10_000) });
    at.server.fail({ effect: { outcome: { status: 403, body } } });
    const reading = at.api.readSecret('team', 'login', patient());
    await expect(reading).rejects.toMatchObject({ message: expect.stringMatching(/^(no)+n?…$/) });
    await expect(reading.catch((error: Error) => error.message.length)).resolves.toBeLessThanOrEqual(1_000);
  });
});

describe('a list', () => {
  const put = (server: ApiServer, count: number, size: number) => {
    for (let i = 0; i < count; i++) {
      const name = `pod-${String(i).padStart(3, '0')}`;
      server.put({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace: 'team', annotations: { padding: 'x'.repeat(size) } },
        spec: {},
      });
    }
  };
  const named = z.object({ metadata: z.object({ name: z.string() }) });

  test('of large objects comes in smaller pages, all of it', async () => {
    await using at = await start();
    put(at.server, 30, 500_000);
    const pods = await all(at.api.list(resources.Pod, 'team', named, patient()));
    expect(new Set(pods.map(({ metadata }) => metadata.name)).size).toBe(30);
    expect(pods).toHaveLength(30);
  });

  test('of an object that is too large for a page of its own is an error', async () => {
    await using at = await start();
    put(at.server, 2, 5_000_000);
    await expect(all(at.api.list(resources.Pod, 'team', named, patient()))).rejects.toMatchObject({
      message: 'GET /api/v1/namespaces/team/pods: the answer is too large',
    });
  });
});
