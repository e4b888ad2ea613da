import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import packageJson from '../../package.json' with { type: 'json' };
import { podReview } from '../support/admission.ts';
import { type ApiServer, startSecureApiServer } from '../support/api-server.ts';
import {
  callWebhook,
  health,
  ready,
  run,
  startWebhookProcess,
  type WebhookProcess,
} from '../support/webhook-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'tagpin-serve-'));
const kubeconfig = join(folder, 'kubeconfig');
let api: ApiServer;

beforeAll(async () => {
  api = await startSecureApiServer();
  await api.writeKubeconfig(kubeconfig);
});
afterAll(async () => {
  await api.close();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  api.put({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace: 'tagpin-system', name: 'tagpin-certificate' },
  });
  api.put({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'tagpin' },
    webhooks: [{ name: 'enforce.tagpin.dev', clientConfig: { service: { name: 'tagpin' } } }],
  });
});

const serve = ({ drain = '0s' } = {}) => startWebhookProcess({ folder, kubeconfig, drain });

const configuration = z.object({
  webhooks: z.array(z.object({ clientConfig: z.object({ caBundle: z.string() }) })),
});

/** The CA that the API server has been told to trust. */
function publishedCa(): string {
  const { webhooks } = configuration.parse(api.find('MutatingWebhookConfiguration', undefined, 'tagpin'));
  return Buffer.from(webhooks[0]?.clientConfig.caBundle ?? '', 'base64').toString();
}

const pod = {
  metadata: { name: 'web' },
  spec: { containers: [{ name: 'web', image: `app@sha256:${'a'.repeat(64)}` }] },
};

/** Waits for what is to become so within ten seconds. */
async function waitFor(condition: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    if (await condition()) return;
    await delay(100);
  }
  throw new Error('waited for ten seconds');
}

const call = (running: WebhookProcess, agent?: Agent) =>
  callWebhook(running, {
    path: '/pin/enforce?timeout=10s',
    ca: publishedCa(),
    servername: 'tagpin.tagpin-system.svc',
    review: podReview(pod),
    ...(agent && { agent }),
  });

describe('tagpin serve', () => {
  test('answers over TLS, with a certificate that the API server has been told to trust', async () => {
    await using running = await serve();
    await ready(running);
    const { status, body } = await call(running);
    expect([status, JSON.parse(body).response.allowed]).toEqual([200, true]);
  });

  test('is alive but not ready until the API server knows its CA', async () => {
    const restore = api.fail({ resource: 'mutatingwebhookconfigurations', effect: 'forbidden' });
    await using running = await serve();
    await waitFor(async () => running.output().includes('trying again'));
    expect(await health(running, '/healthz')).toEqual({ status: 200, text: 'ok\n' });
    expect(await health(running, '/readyz')).toEqual({
      status: 503,
      text: 'waiting for the API server to be told of the CA\n',
    });
    expect(running.output()).toContain('cannot get resource');
    restore();
    await ready(running);
  });

  test('serves the same certificate in two replicas that start at once', async () => {
    await using one = await serve();
    await using two = await serve();
    await Promise.all([ready(one), ready(two)]);
    expect([(await call(one)).status, (await call(two)).status]).toEqual([200, 200]);
  });

  test('begins its log with its version', async () => {
    await using running = await serve();
    await ready(running);
    const [first = ''] = running.output().split('\n');
    expect(JSON.parse(first)).toMatchObject({
      level: 'info',
      msg: 'starting',
      version: packageJson.version,
      node: process.versions.node,
    });
  });

  test('serves metrics', async () => {
    await using running = await serve();
    await ready(running);
    await call(running);
    const metrics = await health(running, '/metrics');
    expect(metrics?.text).toContain(
      'tagpin_admission_requests_total{path="/pin/enforce",operation="CREATE",outcome="allowed"} 1',
    );
    expect(metrics?.text).toMatch(/tagpin_certificate_expiry_timestamp_seconds \d{10}/);
  });

  test('on SIGTERM reports not ready, goes on serving, asks for connections to be closed, and ends', async () => {
    await using running = await serve({ drain: '1s' });
    await ready(running);
    const agent = new Agent({ keepAlive: true });
    expect((await call(running, agent)).headers.connection).toBe('keep-alive');
    running.child.kill('SIGTERM');
    await delay(200);
    expect((await health(running, '/readyz'))?.status).toBe(503);
    const { status, headers } = await call(running, agent);
    expect([status, headers.connection]).toEqual([200, 'close']);
    const [code] = await once(running.child, 'exit');
    expect(code).toBe(0);
    agent.destroy();
  });

  test('on SIGTERM is not ready at once, even while the API server hangs', async () => {
    const restore = api.fail({ resource: 'mutatingwebhookconfigurations', effect: { outcome: 'hang' } });
    await using running = await serve({ drain: '2s' });
    await waitFor(async () => (await health(running, '/readyz'))?.text.includes('told of the CA') ?? false);
    running.child.kill('SIGTERM');
    await waitFor(async () => (await health(running, '/readyz'))?.text === 'shutting down\n');
    const [code] = await once(running.child, 'exit');
    expect(code).toBe(0);
    restore();
  });

  test('has no more connections than reviews could be under way', async () => {
    await using running = await startWebhookProcess({ folder, kubeconfig, webhook: { inFlight: '8Mi' } });
    await ready(running);
    const sockets = Array.from({ length: 300 }, () => connect(running.port, '127.0.0.1'));
    let dropped = 0;
    for (const socket of sockets) socket.on('error', () => {}).once('close', () => dropped++);
    await waitFor(async () => dropped === 300 - 256);
    const metrics = await health(running, '/metrics');
    expect(metrics?.text).toContain('tagpin_admission_shed_total{path="",reason="connections"} 44');
    for (const socket of sockets) socket.destroy();
    await waitFor(async () => (await call(running)).status === 200);
  });

  test('keeps idle connections open for longer than anyone is idle', async () => {
    await using running = await serve();
    await ready(running);
    const agent = new Agent({ keepAlive: true });
    const { headers } = await call(running, agent);
    expect(Number(/timeout=(\d+)/.exec(String(headers['keep-alive']))?.[1])).toBeGreaterThanOrEqual(600);
    agent.destroy();
  });
});

describe('wrong use', () => {
  const outcome = async (...args: string[]) => {
    const { child, output } = run(...args);
    const [code] = await once(child, 'close');
    return { code, output: output() };
  };

  test('a wrong configuration is told in full, without a stack, and the exit code is 2', async () => {
    const config = join(folder, 'wrong.yaml');
    writeFileSync(config, 'pin: {keeptag: true}\ncache: {age: soon}\n');
    const { code, output } = await outcome('serve', '--config', config);
    expect(code).toBe(2);
    expect(output).toContain('pin.keeptag: no such key');
    expect(output).toContain('cache.age: soon: write a duration');
    expect(output).not.toContain('    at ');
  });

  test('an unknown option is exit code 2', async () => {
    expect((await outcome('serve', '--nope')).code).toBe(2);
  });

  test('an unknown command is exit code 2', async () => {
    expect((await outcome('server')).code).toBe(2);
  });

  test('a kubeconfig that is not there is exit code 2, and named with what to do', async () => {
    const missing = join(folder, 'missing');
    const { code, output } = await outcome('serve', '--kubeconfig', missing);
    expect(code).toBe(2);
    expect(output).toContain(
      `kubeconfig ${missing} can't be read: there is no such file; correct the path\n`,
    );
    expect(output).not.toContain('    at ');
  });

  test('a kubeconfig that is no YAML is exit code 2, and nothing of it is shown', async () => {
    const broken = join(folder, 'broken');
    writeFileSync(broken, 'token: [\n  geheim');
    const { code, output } = await outcome('serve', '--kubeconfig', broken);
    expect(code).toBe(2);
    expect(output).toContain(`kubeconfig ${broken} can't be read: `);
    expect(output).not.toContain('geheim');
  });

  test('--help is exit code 0', async () => {
    expect(await outcome('--help')).toMatchObject({ code: 0, output: expect.stringContaining('serve') });
  });
});
