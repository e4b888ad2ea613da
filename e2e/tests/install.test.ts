import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { readCluster } from '../support/cluster.ts';
import { run, succeed } from '../support/command.ts';
import { servedCertificate } from '../support/served-certificate.ts';

const cluster = readCluster();
const kubectl = (...args: string[]) =>
  run([
    cluster.programs.kubectl,
    '--kubeconfig',
    cluster.kubeconfig,
    '--namespace',
    'tagpin-system',
    ...args,
  ]);
const read = async <Value>(schema: z.ZodType<Value>, ...args: string[]): Promise<Value> =>
  schema.parse(JSON.parse(await succeed(kubectl('get', '--output', 'json', ...args))));

const configuration = z.object({
  webhooks: z.array(z.object({ name: z.string(), clientConfig: z.object({ caBundle: z.string() }) })),
});
const replicas = z.object({
  items: z.array(
    z.object({ metadata: z.object({ name: z.string() }), status: z.object({ podIP: z.string() }) }),
  ),
});

describe('an install', () => {
  test('trusts one CA in every webhook', async () => {
    const { webhooks } = await read(configuration, 'mutatingwebhookconfiguration', 'tagpin');
    expect(webhooks.map(({ name }) => name)).toEqual([
      'enforce.tagpin.dev',
      'best-effort.tagpin.dev',
      'audit.tagpin.dev',
      'revision.tagpin.dev',
      'enforce.workload.tagpin.dev',
      'best-effort.workload.tagpin.dev',
      'audit.workload.tagpin.dev',
    ]);
    const bundles = new Set(webhooks.map(({ clientConfig }) => clientConfig.caBundle));
    expect(bundles.size).toBe(1);
  });

  test('has two replicas that serve the same certificate, which that CA verifies', async () => {
    const { webhooks } = await read(configuration, 'mutatingwebhookconfiguration', 'tagpin');
    const { items } = await read(replicas, 'pods', '--selector', 'app.kubernetes.io/name=tagpin');
    expect(items).toHaveLength(2);
    const ca = Buffer.from(webhooks[0]?.clientConfig.caBundle ?? '', 'base64').toString();
    const served = await Promise.all(items.map(({ status }) => servedCertificate(status.podIP, ca)));
    expect(new Set(served.map(String)).size).toBe(1);
  });

  test('logs one JSON object on each line', async () => {
    const { stdout } = await kubectl('logs', 'deployment/tagpin');
    const lines = stdout.trim().split('\n');
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) expect(() => JSON.parse(line), line).not.toThrow();
  });

  test('applied once more changes nothing', async () => {
    const overlay = `${cluster.directory}/install`;
    expect(await kubectl('diff', '-k', overlay)).toMatchObject({ code: 0, stdout: '' });
  });

  for (const [verb, resource] of [
    ['list', 'secrets'],
    ['watch', 'secrets'],
    ['create', 'secrets'],
    ['update', 'pods'],
    ['delete', 'mutatingwebhookconfigurations'],
  ] as const)
    test(`may not ${verb} ${resource}`, async () => {
      const account = 'system:serviceaccount:tagpin-system:tagpin';
      const { stdout } = await kubectl('auth', 'can-i', verb, resource, '--as', account);
      expect(stdout.trim()).toBe('no');
    });
});
