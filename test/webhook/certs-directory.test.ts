import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { podReview } from '../support/admission.ts';
import { createAuthority } from '../support/authority.ts';
import { makeFolder } from '../support/folder.ts';
import { image } from '../support/registry/image.ts';
import { type Registry, startRegistry } from '../support/registry/registry.ts';
import { startWebhook } from './webhooks.ts';

const authority = await createAuthority();
const other = await createAuthority('Another authority');
let registry: Registry;
beforeAll(async () => {
  // On localhost, so that the name leads there for the real webhook.
  registry = await startRegistry({ tls: await authority.issue(['localhost']), name: 'localhost' });
  for (const tag of ['1', '2', '3']) registry.push('app', tag, image());
});
afterAll(() => registry.close());
afterEach(() => {
  vi.restoreAllMocks();
});

const pod = (tag: string) =>
  podReview({
    metadata: { name: 'web' },
    spec: { containers: [{ name: 'web', image: `${registry.host}/app:${tag}` }] },
  });

/** Lets so much time pass that files are looked at again. */
function muchLater() {
  const now = performance.now.bind(performance);
  vi.spyOn(performance, 'now').mockImplementation(() => now() + 5_000);
}

test("a node's configuration that changes counts for the running webhook", async () => {
  using folder = makeFolder();
  folder.write(`${registry.host}/ca.crt`, other.caPem);
  await using webhook = await startWebhook(`certsDirectory: ${folder.path}`);
  const allowed = async (tag: string) => (await webhook.review('enforce', pod(tag))).response.allowed;
  expect(await allowed('1')).toBe(false);
  folder.write(`${registry.host}/ca.crt`, authority.caPem);
  muchLater();
  expect(await allowed('2')).toBe(true);
});

test('one that breaks is told once, with its file, and what it was still counts', async () => {
  using folder = makeFolder({ [`${registry.host}/ca.crt`]: authority.caPem });
  await using webhook = await startWebhook(`certsDirectory: ${folder.path}`);
  folder.write(`${registry.host}/hosts.toml`, 'ca = "missing.crt"\n');
  muchLater();
  for (const tag of ['1', '2', '3']) {
    expect((await webhook.review('enforce', pod(tag))).response.allowed).toBe(true);
  }
  expect(webhook.log.filter(({ problems }) => problems !== undefined)).toMatchObject([
    {
      level: 'warn',
      problems: [
        `${folder.path}/${registry.host}/hosts.toml: ca[0]: missing.crt: the file must be there and hold certificates in PEM`,
      ],
    },
  ]);
  expect(await webhook.metrics.text()).toContain(
    'tagpin_config_reload_failures_total{files="registries"} 1\n',
  );
});
