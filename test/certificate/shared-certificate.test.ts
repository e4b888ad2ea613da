import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createCertificate, isSignedByOneOf } from '../../src/certificate/certificate.ts';
import { publish, readBundles, readShared, serverName } from '../../src/certificate/certificate-store.ts';
import type { SharedCertificates } from '../../src/certificate/rotation.ts';
import { SharedCertificate } from '../../src/certificate/shared-certificate.ts';
import { createKubernetesApi, type KubernetesApi } from '../../src/kubernetes/api.ts';
import { type Connection, connect } from '../../src/kubernetes/connection.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { patient } from '../registry/clients.ts';
import { type ApiServer, startSecureApiServer } from '../support/api-server.ts';

const DAY_MS = 86_400_000;
const place = {
  namespace: 'tagpin-system',
  secret: 'tagpin-certificate',
  webhookConfiguration: 'tagpin',
  service: 'tagpin',
};
const folder = mkdtempSync(join(tmpdir(), 'tagpin-certificate-'));
const base64 = (text: string) => Buffer.from(text).toString('base64');

let server: ApiServer;
let connection: Connection;
let api: KubernetesApi;
let now: number;
let log: string[];

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
  now = Date.now();
  log = [];
  emptySecret();
  wipeBundles();
  server.requests.clear();
});

function emptySecret(data: Record<string, string> = {}): void {
  const metadata = { namespace: place.namespace, name: place.secret };
  server.put({ apiVersion: 'v1', kind: 'Secret', metadata, data });
}

/** As applying the manifests by `kubectl replace` does. */
function wipeBundles(caBundle?: string): void {
  server.put({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: place.webhookConfiguration },
    webhooks: ['enforce', 'best-effort', 'audit'].map((mode) => ({
      name: `${mode}.tagpin.dev`,
      clientConfig: { service: { name: 'tagpin' }, ...(caBundle && { caBundle }) },
    })),
  });
}

const replica = (where = place) =>
  new SharedCertificate(
    api,
    where,
    () => now,
    createLogger('info', { write: (line: string) => void log.push(line) }),
  );
const shared = async (): Promise<SharedCertificates> => {
  const { value } = await readShared(api, place, patient());
  if (value === undefined) throw new Error('the Secret is empty');
  return value;
};
/** The bundle that every entry has. */
const trusted = async (): Promise<string> => {
  const bundles = new Set((await readBundles(api, place, patient()))?.value);
  expect(bundles.size).toBe(1);
  return [...bundles].join();
};
const minutes = (count: number) => {
  now += count * 60_000;
};

describe('replicas', () => {
  test('that start at once agree on one certificate, and all webhooks trust it', async () => {
    const replicas = Array.from({ length: 5 }, () => replica());
    const all = await Promise.all(replicas.map((one) => one.current(patient())));
    expect(new Set(all.map(({ cert }) => cert)).size).toBe(1);
    expect(await trusted()).toBe(`${(await shared()).cas[0]}\n`);
  });

  test('use the existing certificate, and write nothing', async () => {
    const first = await replica().current(patient());
    server.requests.clear();
    expect(await replica().current(patient())).toEqual(first);
    expect(server.requests.of('secrets', 'patch')).toEqual([]);
    expect(server.requests.of('mutatingwebhookconfigurations', 'patch')).toEqual([]);
  });

  test('that renew at once create only one certificate', async () => {
    const replicas = [replica(), replica(), replica()];
    for (const one of replicas) await one.current(patient());
    server.requests.clear();
    now += 250 * DAY_MS;
    await Promise.all(replicas.map((one) => one.current(patient())));
    const statuses = server.requests.of('secrets', 'patch').map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect((await shared()).cas).toHaveLength(2);
  });

  test('restore what the Secret has lost', async () => {
    const one = replica();
    await one.current(patient());
    const before = await shared();
    expect(log).toEqual([]);
    emptySecret();
    await one.current(patient());
    expect(await shared()).toEqual(before);
    expect(log.map((line) => JSON.parse(line))).toMatchObject([
      {
        level: 'warn',
        field: 'data',
        msg:
          "Secret tagpin-system/tagpin-certificate had lost tagpin's certificate or its CA, and has it again; " +
          'unless you did this, find what else writes it',
      },
    ]);
  });

  test('restore a wiped caBundle', async () => {
    const one = replica();
    await one.current(patient());
    const before = await trusted();
    expect(log).toEqual([]);
    wipeBundles();
    await one.current(patient());
    expect(await trusted()).toBe(before);
    expect(log.map((line) => JSON.parse(line))).toMatchObject([
      {
        level: 'warn',
        fields: [0, 1, 2].map((index) => `webhooks[${index}].clientConfig.caBundle`),
        msg:
          "MutatingWebhookConfiguration tagpin had lost tagpin's CA, and has it again; " +
          'unless you did this, find what else writes it',
      },
    ]);
  });

  test('say nothing of what one of them has put back, or of a CA that has expired', async () => {
    const [one, two] = [replica(), replica()];
    for (const each of [one, two]) await each.current(patient());
    wipeBundles();
    emptySecret();
    await one.current(patient());
    log = [];
    await two.current(patient());
    for (let month = 0; month < 24; month++) {
      now += 30 * DAY_MS;
      for (let look = 0; look < 3; look++) {
        for (const each of [one, two]) await each.current(patient());
        minutes(2);
      }
    }
    expect(log.filter((line) => line.includes('had lost'))).toEqual([]);
    expect(log.filter((line) => line.includes('the next certificate is made'))).not.toEqual([]);
  });

  test('say what to do when the Secret is missing', async () => {
    await expect(replica({ ...place, secret: 'gone' }).current(patient())).rejects.toThrow(
      "Secret tagpin-system/gone doesn't exist; apply tagpin's manifests again",
    );
  });

  test('serve although there is no webhook configuration, and log it once', async () => {
    const one = replica({ ...place, webhookConfiguration: 'gone' });
    await one.current(patient());
    await one.current(patient());
    expect(one.obstacle).toBeUndefined();
    expect(log.filter((line) => line.includes('nothing calls this webhook'))).toHaveLength(1);
  });

  test('store no key of a CA', async () => {
    await replica().current(patient());
    const secret = await api.readSecret(place.namespace, place.secret, patient());
    expect(Object.keys(secret?.data ?? {}).sort()).toEqual(['ca.crt', 'tls.crt', 'tls.key']);
  });
});

describe('a rotation', () => {
  test('publishes the new CA beside the old, and serves the new certificate a minute later', async () => {
    const [one, two] = [replica(), replica()];
    const old = await one.current(patient());
    const oldBundle = await trusted();
    now += 250 * DAY_MS;
    expect(await one.current(patient())).toEqual(old);
    expect(await two.current(patient())).toEqual(old);
    expect(await trusted()).toContain(oldBundle);
    expect((await trusted()).match(/BEGIN/g)).toHaveLength(2);

    minutes(0.5);
    expect(await one.current(patient())).toEqual(old);
    minutes(1);
    const renewed = await one.current(patient());
    expect(renewed.cert).not.toBe(old.cert);
    expect(await two.current(patient())).toEqual(renewed);
    expect((await trusted()).match(/BEGIN/g)).toHaveLength(2);
  });

  test('waits anew when the new CA has been wiped meanwhile', async () => {
    const one = replica();
    const old = await one.current(patient());
    const oldBundle = await trusted();
    now += 250 * DAY_MS;
    await one.current(patient());
    minutes(0.5);
    await one.current(patient());
    wipeBundles(base64(oldBundle));
    minutes(0.6);
    await one.current(patient());
    minutes(0.6);
    expect(await one.current(patient())).toEqual(old);
    minutes(1);
    await one.current(patient());
    expect((await one.current(patient())).cert).not.toBe(old.cert);
  });

  test('goes no further while the new CA cannot be published', async () => {
    const one = replica();
    const old = await one.current(patient());
    now += 250 * DAY_MS;
    const restore = server.fail({
      resource: 'mutatingwebhookconfigurations',
      verbs: ['patch'],
      effect: 'forbidden',
    });
    for (let hour = 0; hour < 3; hour++) {
      await expect(one.current(patient())).rejects.toThrow('cannot patch resource');
      minutes(60);
      expect((await shared()).serving).toEqual(old);
      expect(one.obstacle).toBeUndefined();
    }
    restore();
    await one.current(patient());
    minutes(2);
    await one.current(patient());
    minutes(2);
    expect((await one.current(patient())).cert).not.toBe(old.cert);
  });
});

describe('a certificate that the live configuration does not trust', () => {
  /** What somebody has put into the Secret. */
  const foreign = async () => {
    const { ca, cert, key } = await createCertificate([serverName(place)], now);
    emptySecret({ 'ca.crt': base64(ca), 'tls.crt': base64(cert), 'tls.key': base64(key) });
    return { ca, cert, key };
  };

  test('is not served, and the previous one still is', async () => {
    const one = replica();
    const before = await one.current(patient());
    const restore = server.fail({
      resource: 'mutatingwebhookconfigurations',
      verbs: ['patch'],
      effect: 'forbidden',
    });
    const { cert } = await foreign();
    await expect(one.current(patient())).rejects.toThrow('cannot patch resource');
    expect(one.obstacle).toBeUndefined();
    restore();
    expect((await one.current(patient())).cert).toBe(cert);
    expect(isSignedByOneOf(before.cert, (await shared()).cas, now)).toBe(true);
  });

  test('is none to start with', async () => {
    const restore = server.fail({
      resource: 'mutatingwebhookconfigurations',
      verbs: ['patch'],
      effect: 'forbidden',
    });
    await foreign();
    const one = replica();
    await expect(one.current(patient())).rejects.toThrow('cannot patch resource');
    expect(one.obstacle).toBe('waiting for the API server to be told of the CA');
    restore();
    await one.current(patient());
    expect(one.obstacle).toBeUndefined();
  });

  test('makes a replica that serves it unready if the CA cannot be restored', async () => {
    const one = replica();
    await one.current(patient());
    const restore = server.fail({
      resource: 'mutatingwebhookconfigurations',
      verbs: ['patch'],
      effect: 'forbidden',
    });
    wipeBundles();
    await expect(one.current(patient())).rejects.toThrow('cannot patch resource');
    expect(one.obstacle).toBe('waiting for the API server to be told of the CA');
    restore();
    await one.current(patient());
    expect(one.obstacle).toBeUndefined();
  });
});

test('publishing fails when the configuration has changed since it was read', async () => {
  const live = await readBundles(api, place, patient());
  if (live === undefined) throw new Error('there is no configuration');
  wipeBundles();
  await expect(publish(api, place, live, ['PEM'], patient())).rejects.toMatchObject({ status: 422 });
});
