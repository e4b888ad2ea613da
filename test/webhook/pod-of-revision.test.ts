import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { applyPatch, podReview } from '../support/admission.ts';
import { image } from '../support/registry/image.ts';
import { type Registry, startRegistry } from '../support/registry/registry.ts';
import { startWebhook, type Webhook } from './webhooks.ts';

let registry: Registry;
let webhook: Webhook;
let name: string;
let tagged: string;
let digest: string;
let moved: string;
let counter = 0;

beforeAll(async () => {
  registry = await startRegistry();
  webhook = await startWebhook();
});
afterAll(async () => {
  await webhook[Symbol.asyncDispose]();
  await registry.close();
});
beforeEach(() => {
  name = `${registry.host}/team/app-${++counter}`;
  tagged = `${name}:1`;
  digest = registry.push(`team/app-${counter}`, '1', image());
  moved = registry.push(`team/app-${counter}`, '1', image());
  webhook.api.put({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { namespace: 'default', name: 'default' },
  });
  registry.requests.clear();
  webhook.api.requests.clear();
});

/** A ReplicaSet with such pins, and what a pod of it has in its metadata. */
function replicaSet(pins?: object) {
  const metadata = {
    namespace: 'default',
    name: `web-${counter}`,
    uid: `uid-${counter}`,
    labels: { 'pod-template-hash': 'abc' },
    annotations: pins === undefined ? {} : { 'pins.tagpin.dev/abc.1': JSON.stringify(pins) },
  };
  webhook.api.put({ apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata });
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: metadata.name, uid: metadata.uid };
  return {
    generateName: `web-${counter}-`,
    labels: metadata.labels,
    ownerReferences: [{ ...owner, controller: true }],
  };
}

const podOf = (metadata: object, ...images: string[]) => ({
  metadata: { ...metadata },
  spec: { containers: images.map((image, index) => ({ name: `c${index}`, image })) },
});
const admitted = async (pod: ReturnType<typeof podOf>, mode = 'enforce') => {
  const response = await webhook.review(mode, podReview(pod));
  const { spec } = applyPatch(pod, response);
  return { images: spec.containers.map(({ image }) => image), response: response.response };
};

describe('a pod of a revision with stored pins', () => {
  test('has its digest, though the tag has moved; no registry is asked and no Secret read', async () => {
    const { images } = await admitted(podOf(replicaSet({ [tagged]: digest }), tagged));
    expect(images).toEqual([`${name}@${digest}`]);
    expect(registry.requests.entries).toEqual([]);
    expect(webhook.api.requests.entries.map(({ path }) => path)).toEqual([
      `/apis/apps/v1/namespaces/default/replicasets/web-${counter}`,
    ]);
  });

  test('has a container resolved that something else has put into it, without a warning', async () => {
    const sidecar = registry.push('team/sidecar', '1', image());
    const pod = podOf(replicaSet({ [tagged]: digest }), tagged, `${registry.host}/team/sidecar:1`);
    const { images, response } = await admitted(pod);
    expect(images).toEqual([`${name}@${digest}`, `${registry.host}/team/sidecar@${sidecar}`]);
    expect(response.warnings).toBeUndefined();
  });

  test('has an image resolved that the pins lack, with a warning and a count', async () => {
    const { images, response } = await admitted(podOf(replicaSet({ [tagged]: null }), tagged));
    expect(images).toEqual([`${name}@${moved}`]);
    expect(response.warnings).toEqual([
      expect.stringContaining('its revision has no digest for it, since the tag could'),
    ]);
    expect(await webhook.metrics.text()).toContain('tagpin_revision_pins_lacking_total{mode="enforce"} 1');
  });

  test('has it in audit too, where that is only said', async () => {
    const { images, response } = await admitted(podOf(replicaSet({ [tagged]: digest }), tagged), 'audit');
    expect(images).toEqual([tagged]);
    expect(response.warnings).toEqual([`container "c0": ${tagged}: would be pinned to ${digest}`]);
  });
});

describe('a pod whose revision cannot be read', () => {
  test.each([
    ['enforce', false],
    ['best-effort', true],
  ])('is not pinned to what may be another digest than its siblings have: %s', async (mode, allowed) => {
    const metadata = replicaSet({ [tagged]: digest });
    const mend = webhook.api.fail({ resource: 'replicasets', effect: 'forbidden' });
    try {
      const { response } = await webhook.review(mode, podReview(podOf(metadata, tagged)));
      expect(response.allowed).toBe(allowed);
      expect(response.status?.message ?? response.warnings?.[0]).toMatch(
        /its revision can't be read: replicasets\.apps "web-\d+" is forbidden: /,
      );
    } finally {
      mend();
    }
  });
});

test('a pod that only claims to be of a revision gets nothing of it', async () => {
  const metadata = replicaSet({ [tagged]: digest });
  const forged = {
    ...metadata,
    ownerReferences: metadata.ownerReferences.map((owner) => ({ ...owner, uid: 'forged' })),
  };
  expect((await admitted(podOf(forged, tagged))).images).toEqual([`${name}@${moved}`]);
});
