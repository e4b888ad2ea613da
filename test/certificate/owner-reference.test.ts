import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { keepOwnerReference } from '../../src/certificate/owner-reference.ts';
import { createKubernetesApi, type KubernetesApi } from '../../src/kubernetes/api.ts';
import { type Connection, connect } from '../../src/kubernetes/connection.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { type ApiServer, startSecureApiServer } from '../support/api-server.ts';
import { FastClock } from '../support/fast-clock.ts';
import { until } from '../support/replica.ts';

const namespace = 'tagpin-system';
const webhookConfiguration = 'tagpin';
const folder = mkdtempSync(join(tmpdir(), 'tagpin-ownership-'));
let server: ApiServer;
let connection: Connection;
let api: KubernetesApi;

beforeAll(async () => {
  server = await startSecureApiServer();
  await server.writeKubeconfig(join(folder, 'kubeconfig'));
  connection = connect({ kubeconfig: join(folder, 'kubeconfig') });
  api = createKubernetesApi(connection);
});
afterAll(async () => {
  await connection.close();
  await server.close();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  server.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  configure();
  server.requests.clear();
});

function configure(ownerReferences?: readonly Owner[]): void {
  server.put({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: webhookConfiguration, ...(ownerReferences && { ownerReferences }) },
    webhooks: [],
  });
}

const ownerSchema = z.object({ apiVersion: z.string(), kind: z.string(), name: z.string(), uid: z.string() });
type Owner = z.infer<typeof ownerSchema>;
const owned = z.object({ metadata: z.object({ ownerReferences: z.array(ownerSchema).default([]) }) });
const owners = () =>
  owned.parse(server.find('MutatingWebhookConfiguration', undefined, webhookConfiguration)).metadata
    .ownerReferences;
const uid = () =>
  z.object({ metadata: z.object({ uid: z.string() }) }).parse(server.find('Namespace', undefined, namespace))
    .metadata.uid;
const us = (): Owner => ({ apiVersion: 'v1', kind: 'Namespace', name: namespace, uid: uid() });

/** Half a minute between two looks takes 30 ms. */
const clock = () => new FastClock(Date.now(), 1000);

/** Keeps it owned until the test ends. */
function keeping() {
  const stop = new AbortController();
  const log: string[] = [];
  const logger = createLogger('info', { write: (line: string) => void log.push(line) });
  const kept = keepOwnerReference(
    { api, namespace, webhookConfiguration, clock: clock(), log: logger },
    stop.signal,
  );
  const ended = kept.catch(() => {});
  return {
    log,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await ended;
    },
  };
}

test('the webhook configuration belongs to the namespace that tagpin runs in', async () => {
  await using _ = keeping();
  await until(async () => owners().length > 0);
  expect(owners()).toEqual([us()]);
});

test('it is owned again after it has been replaced', async () => {
  await using _ = keeping();
  await until(async () => owners().length > 0);
  configure();
  await until(async () => owners().length > 0);
  expect(owners()).toEqual([us()]);
});

test('other owners stay, except a deleted namespace of that name', async () => {
  const other = { apiVersion: 'example.com/v1', kind: 'Platform', name: 'pins', uid: 'a' };
  configure([other, { ...us(), uid: 'b' }]);
  await using _ = keeping();
  await until(async () => owners().some(({ uid: now }) => now === uid()));
  expect(owners()).toEqual([other, us()]);
});

test('nothing is written if the owner is already set', async () => {
  configure([us()]);
  await using _ = keeping();
  await until(async () => server.requests.of('mutatingwebhookconfigurations', 'get').length > 3);
  expect(server.requests.of('mutatingwebhookconfigurations', 'patch')).toEqual([]);
});

test('nothing is written if there is no webhook configuration', async () => {
  server.remove('MutatingWebhookConfiguration', undefined, webhookConfiguration);
  await using kept = keeping();
  await until(async () => server.requests.of('mutatingwebhookconfigurations', 'get').length > 3);
  expect(kept.log).toEqual([]);
});

test('a missing permission is logged once, with its remedy, and tried again', async () => {
  const mend = server.fail({ resource: 'namespaces', effect: 'forbidden' });
  await using kept = keeping();
  await until(async () => server.requests.of('namespaces', 'get').length > 3);
  mend();
  await until(async () => owners().length > 0);
  expect(kept.log).toHaveLength(1);
  expect(kept.log[0]).toContain('to remove tagpin, delete it first');
});
