import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { podReview } from '../support/admission.ts';
import { image } from '../support/registry/image.ts';
import { type Registry, startRegistry } from '../support/registry/registry.ts';
import { pullSecret, startWebhook } from './webhooks.ts';

const folder = mkdtempSync(join(tmpdir(), 'tagpin-webhook-docker-config-'));
let registry: Registry;
beforeAll(async () => {
  registry = await startRegistry({
    auth: { scheme: 'basic' },
    users: [
      { name: 'tagpin', password: 'correct-horse', pull: ['*'] },
      { name: 'team', password: 'correct-horse', pull: ['team/*'] },
    ],
  });
  registry.push('team/app', '1', image());
  registry.push('base/app', '1', image());
});
afterAll(async () => {
  await registry.close();
  rmSync(folder, { recursive: true });
});

/** The configuration key, for a docker config with this in it. */
function dockerConfig(content: Record<string, unknown>): string {
  const path = join(folder, 'config.json');
  writeFileSync(path, JSON.stringify(content));
  return `dockerConfig: ${path}`;
}

const own = (username: string, password: string) => ({ auths: { [registry.host]: { username, password } } });

function pod(images: readonly string[], secrets: readonly string[] = []) {
  return podReview({
    metadata: { name: 'web' },
    spec: {
      containers: images.map((name, index) => ({ name: `c${index}`, image: `${registry.host}/${name}` })),
      imagePullSecrets: secrets.map((name) => ({ name })),
    },
  });
}

describe('the webhook with a docker config of its own', () => {
  test('pins what no pull secret is for', async () => {
    await using webhook = await startWebhook(dockerConfig(own('tagpin', 'correct-horse')));
    const { response } = await webhook.review('enforce', pod(['base/app:1', 'base/app:1', 'team/app:1']));
    expect(response).toMatchObject({ allowed: true });
    expect(JSON.stringify(webhook.log)).not.toContain('secret"');
  });

  test("tries the pod's pull secrets first", async () => {
    await using webhook = await startWebhook(dockerConfig(own('tagpin', 'correct-horse')));
    webhook.api.put(pullSecret('team', registry.host, 'team', 'correct-horse'));
    registry.requests.clear();
    const { response } = await webhook.review('enforce', pod(['team/app:1', 'base/app:1'], ['team']));
    expect(response.allowed).toBe(true);
    const users = registry.requests
      .manifests('team/app')
      .flatMap(({ headers }) => headers.authorization ?? [])
      .map((header) => Buffer.from(header.slice('Basic '.length), 'base64').toString());
    expect(new Set(users)).toEqual(new Set(['team:correct-horse']));
  });

  test('names it where its credentials are refused', async () => {
    await using webhook = await startWebhook(dockerConfig(own('tagpin', 'wrong')));
    const { response } = await webhook.review('enforce', pod(['team/app:1']));
    expect(response.status?.message).toContain(
      `correct the credentials in docker config ${join(folder, 'config.json')}`,
    );
    expect(response.status?.message).not.toContain('wrong');
  });

  test('runs no credential helper, and says so once', async () => {
    const content = {
      ...own('tagpin', 'correct-horse'),
      credsStore: 'nowhere',
      credHelpers: { 'quay.io': 'x' },
    };
    await using webhook = await startWebhook(dockerConfig(content));
    for (const name of ['base/app:1', 'team/app:1']) {
      expect((await webhook.review('enforce', pod([name]))).response.allowed).toBe(true);
    }
    expect(webhook.log.filter(({ msg }) => String(msg).includes('helpers'))).toMatchObject([
      { level: 'warn', file: join(folder, 'config.json') },
    ]);
  });

  test('that changes into something unusable counts as it was, and is told and counted once', async () => {
    await using webhook = await startWebhook(dockerConfig(own('tagpin', 'correct-horse')));
    writeFileSync(join(folder, 'config.json'), 'no JSON');
    const now = performance.now.bind(performance);
    using _ = vi.spyOn(performance, 'now').mockImplementation(() => now() + 5_000);
    for (const name of ['base/app:1', 'team/app:1']) {
      expect((await webhook.review('enforce', pod([name]))).response.allowed).toBe(true);
    }
    const told = webhook.log.filter(({ msg }) => String(msg).includes('docker config has changed'));
    expect(told).toMatchObject([{ level: 'warn', file: join(folder, 'config.json') }]);
    const metrics = await webhook.metrics.text();
    expect(metrics).toContain('tagpin_config_reload_failures_total{files="docker_config"} 1\n');
  });
});
