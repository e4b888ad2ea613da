import { expect, test } from 'vitest';
import { Metrics } from '../../src/telemetry/metrics.ts';

async function samples(metrics: Metrics, name: string): Promise<string[]> {
  return (await metrics.text())
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
}

const request = { host: 'registry-1.docker.io', method: 'HEAD', status: 200, milliseconds: 10 };

test("Docker Hub's rate limit is what its last answer said", async () => {
  const metrics = new Metrics();
  const answer = (remaining: string) =>
    metrics.registryRequest({
      ...request,
      headers: { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': remaining },
    });
  answer('76;w=21600');
  answer('75;w=21600');
  metrics.registryRequest({ ...request, headers: {} });
  expect(await samples(metrics, 'tagpin_registry_ratelimit_limit')).toEqual([
    'tagpin_registry_ratelimit_limit{registry="registry-1.docker.io"} 100',
  ]);
  expect(await samples(metrics, 'tagpin_registry_ratelimit_remaining')).toEqual([
    'tagpin_registry_ratelimit_remaining{registry="registry-1.docker.io"} 75',
  ]);
});

test.each(['', 'many', '-1', '1e9', '0x10', '9'.repeat(400), ['1', '2']])(
  'a rate limit of %j says nothing',
  async (header) => {
    const metrics = new Metrics();
    metrics.registryRequest({ ...request, headers: { 'ratelimit-remaining': header } });
    expect(await samples(metrics, 'tagpin_registry_ratelimit_remaining')).toEqual([]);
  },
);

test('hosts that people make up do not fill the metrics', async () => {
  const metrics = new Metrics();
  for (let count = 0; count < 1_000; count++) {
    const host = `r${count}.example.com`;
    metrics.registryRequest({ ...request, host, headers: { 'ratelimit-remaining': '5' } });
    metrics.resolves.inFlight(host, 1);
    metrics.resolves.broken(host, true);
  }
  const quota = await samples(metrics, 'tagpin_registry_ratelimit_remaining');
  expect(quota).toHaveLength(20);
  expect(quota.at(-1)).toContain('r999.example.com');
  const inFlight = await samples(metrics, 'tagpin_registry_in_flight');
  expect(inFlight).toHaveLength(101);
  expect(inFlight).toContain('tagpin_registry_in_flight{registry="other"} 900');
  expect(await samples(metrics, 'tagpin_registry_breaker_open')).toContain(
    'tagpin_registry_breaker_open{registry="other"} 900',
  );
});

test('how registries are spared is counted by registry and reason', async () => {
  const metrics = new Metrics();
  metrics.resolves.retried('quay.io', 'rate_limited');
  metrics.resolves.notAsked('quay.io', 'busy');
  metrics.resolves.resolved('remembered_failure');
  metrics.resolves.waiting('quay.io', 1);
  metrics.resolves.waiting('quay.io', -1);
  const text = await metrics.text();
  for (const line of [
    'tagpin_registry_retries_total{registry="quay.io",reason="rate_limited"} 1',
    'tagpin_registry_not_asked_total{registry="quay.io",reason="busy"} 1',
    'tagpin_resolves_total{outcome="remembered_failure"} 1',
    'tagpin_registry_waiting{registry="quay.io"} 0',
  ]) {
    expect(text).toContain(line);
  }
});

test('what is there at the moment is read when it is asked for', async () => {
  const metrics = new Metrics();
  let isReady = false;
  metrics.show('1.2.3', {
    isReady: () => isReady,
    reviewsInFlight: () => 2,
    bytesInFlight: () => 70_000,
    bytesInFlightLimit: 1_000_000,
    cacheEntries: () => 3,
    cacheEntriesLimit: 10,
    readsInFlight: () => 8,
    readsWaiting: () => 20,
  });
  expect(await samples(metrics, 'tagpin_ready')).toEqual(['tagpin_ready 0']);
  isReady = true;
  expect(await samples(metrics, 'tagpin_ready')).toEqual(['tagpin_ready 1']);
  expect(await samples(metrics, 'tagpin_admission_in_flight')).toEqual(['tagpin_admission_in_flight 2']);
  expect(await samples(metrics, 'tagpin_build_info')).toEqual([
    `tagpin_build_info{version="1.2.3",node="${process.versions.node}"} 1`,
  ]);
});
