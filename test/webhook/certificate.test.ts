import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createKubernetesApi, type KubernetesApi } from '../../src/kubernetes/api.ts';
import { type Connection, connect } from '../../src/kubernetes/connection.ts';
import { type Certificates, createCertificates, expiryOf, faultOf } from '../../src/webhook/certificate.ts';
import { agreeOnCertificates, publishAuthority, serverName } from '../../src/webhook/certificate-store.ts';
import { patient } from '../registry/clients.ts';
import { type ApiServer, startApiServer } from '../support/api-server.ts';
import { createAuthority } from '../support/authority.ts';

const place = {
  namespace: 'tagpin-system',
  secret: 'tagpin-certificate',
  webhookConfiguration: 'tagpin',
  service: 'tagpin',
};
const NAME = serverName(place);

describe('a certificate', () => {
  let made: Certificates;
  beforeAll(async () => {
    made = await createCertificates([NAME]);
  });

  test('is trusted by TLS for the name of the Service', async () => {
    const server = createServer({ cert: made.cert, key: made.key }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const socket = connectTls({ host: '127.0.0.1', port: address.port, servername: NAME, ca: made.caCert });
    await once(socket, 'secureConnect');
    expect(socket.authorized).toBe(true);
    socket.destroy();
    server.close();
  });

  test('is good for a year', () => {
    const days = (expiryOf(made).getTime() - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(364);
    expect(days).toBeLessThan(366);
  });

  test('has no fault for its name', () => expect(faultOf(made, NAME)).toBeUndefined());
  test('has one for another name', () => expect(faultOf(made, 'other.svc')).toBe("it isn't for other.svc"));
  test('has one that cannot be read', () =>
    expect(faultOf({ ...made, cert: 'x' }, NAME)).toBe("it can't be read"));

  test('does not go with the CA or the key of another', async () => {
    const other = await createCertificates([NAME]);
    expect(faultOf({ ...made, caCert: other.caCert }, NAME)).toBe('another CA signed it');
    expect(faultOf({ ...made, key: other.key }, NAME)).toBe('its key belongs to another certificate');
  });
});

describe('the replicas', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tagpin-certificate-'));
  let server: ApiServer;
  let connection: Connection;
  let api: KubernetesApi;

  beforeAll(async () => {
    const authority = await createAuthority();
    server = await startApiServer({ tls: await authority.issue(['127.0.0.1']), caPem: authority.caPem });
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
    const { namespace, secret: name } = place;
    server.put({ apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name } });
    server.put({
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingWebhookConfiguration',
      metadata: { name: place.webhookConfiguration },
      webhooks: ['enforce', 'best-effort', 'audit'].map((mode) => ({
        name: `${mode}.tagpin.dev`,
        clientConfig: { service: { name: 'tagpin' } },
      })),
    });
    server.requests.clear();
  });

  test('that start at once agree on one certificate', async () => {
    const all = await Promise.all(
      Array.from({ length: 5 }, () => agreeOnCertificates(api, place, patient())),
    );
    expect(new Set(all.map(({ cert }) => cert)).size).toBe(1);
  });

  test('take the certificate that is there', async () => {
    const first = await agreeOnCertificates(api, place, patient());
    server.requests.clear();
    expect(await agreeOnCertificates(api, place, patient())).toEqual(first);
    expect(server.requests.of('secrets', 'patch')).toEqual([]);
  });

  test('replace one that cannot serve', async () => {
    const foreign = await createCertificates(['other.svc']);
    const base64 = (text: string) => Buffer.from(text).toString('base64');
    server.put({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace: place.namespace, name: place.secret },
      data: {
        'ca.crt': base64(foreign.caCert),
        'ca.key': base64(foreign.caKey),
        'tls.crt': base64(foreign.cert),
        'tls.key': base64(foreign.key),
      },
    });
    expect(faultOf(await agreeOnCertificates(api, place, patient()), NAME)).toBeUndefined();
  });

  test('say what to do when the Secret is missing', async () => {
    await expect(agreeOnCertificates(api, { ...place, secret: 'gone' }, patient())).rejects.toThrow(
      "Secret tagpin-system/gone doesn't exist; apply tagpin's manifests again",
    );
  });

  test('tell the API server of the CA, in every entry', async () => {
    expect(await publishAuthority(api, place, 'PEM', patient())).toBe(true);
    const configuration = await api.readMutatingWebhookConfiguration('tagpin', patient());
    const bundle = Buffer.from('PEM').toString('base64');
    expect(configuration?.webhooks?.map(({ clientConfig }) => clientConfig.caBundle)).toEqual([
      bundle,
      bundle,
      bundle,
    ]);
  });

  test('write nothing that is there already', async () => {
    await publishAuthority(api, place, 'PEM', patient());
    server.requests.clear();
    await publishAuthority(api, place, 'PEM', patient());
    expect(server.requests.of('mutatingwebhookconfigurations', 'patch')).toEqual([]);
  });

  test('notice that there is no configuration', async () => {
    expect(await publishAuthority(api, { ...place, webhookConfiguration: 'gone' }, 'PEM', patient())).toBe(
      false,
    );
  });
});
