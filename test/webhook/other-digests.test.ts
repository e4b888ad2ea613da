import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { applyPatch, podReview } from '../support/admission.ts';
import { image } from '../support/registry/image.ts';
import { type Registry, startRegistry } from '../support/registry/registry.ts';
import { startWebhook, type Webhook } from './webhooks.ts';

let registry: Registry;
/** As configured by default, and to write what is stored. */
let keeping: Webhook;
let replacing: Webhook;
let name: string;
let stored: string;
let other: string;
let counter = 0;

beforeAll(async () => {
  registry = await startRegistry();
  keeping = await startWebhook();
  replacing = await startWebhook('pin: {otherDigest: stored}');
});
afterAll(async () => {
  await keeping[Symbol.asyncDispose]();
  await replacing[Symbol.asyncDispose]();
  await registry.close();
});
beforeEach(() => {
  name = `${registry.host}/team/app-${++counter}`;
  stored = registry.push(`team/app-${counter}`, '1', image());
  other = registry.push(`team/app-${counter}`, '1', image());
});

/** A pod of a ReplicaSet, whose template has `written` and which stores the digest of the tag `1`. */
function podOf(at: Webhook, images: readonly string[], written: readonly string[] = [`${name}:1`]) {
  const uid = `uid-${counter}`;
  const metadata = {
    namespace: 'default',
    name: `web-${counter}`,
    uid,
    labels: { 'pod-template-hash': 'abc' },
    annotations: { 'pins.tagpin.dev/abc.1': JSON.stringify({ [`${name}:1`]: stored }) },
  };
  const containers = (all: readonly string[]) => all.map((one, index) => ({ name: `c${index}`, image: one }));
  const template = { spec: { containers: containers(written) } };
  at.api.put({ apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata, spec: { template } });
  at.api.requests.clear();
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: metadata.name, uid, controller: true };
  return {
    metadata: { name: 'web', labels: metadata.labels, ownerReferences: [owner] },
    spec: { containers: containers(images) },
  };
}

async function admitted(at: Webhook, pod: ReturnType<typeof podOf>, mode = 'enforce') {
  const reviewed = await at.review(mode, podReview(pod));
  const { spec, metadata } = applyPatch(pod, reviewed);
  const { warnings = [] } = reviewed.response;
  return {
    images: spec.containers.map((container) => container.image),
    annotations: metadata.annotations,
    warnings,
  };
}

const counted = async ({ metrics }: Webhook, labels: string) => {
  const line = (await metrics.text())
    .split('\n')
    .find((text) => text.startsWith(`tagpin_other_digests_total{${labels}}`));
  return line?.split(' ').at(-1);
};

test('the count of other digests exists before there is one', async () => {
  await using webhook = await startWebhook();
  for (const mode of ['enforce', 'best-effort', 'audit'])
    for (const outcome of ['kept', 'replaced'])
      expect(await counted(webhook, `mode="${mode}",outcome="${outcome}"`)).toBe('0');
});

describe.each([
  ['tag and digest', () => `${name}:1@${other}`],
  ['digest alone', () => `${name}@${other}`],
])('another digest than the rollout stores, written as %s,', (_, written) => {
  test('is kept, with a warning and a count', async () => {
    const before = Number(await counted(keeping, 'mode="enforce",outcome="kept"'));
    const { images, warnings } = await admitted(keeping, podOf(keeping, [written()]));
    expect(images).toEqual([written()]);
    expect(warnings).toEqual([
      `container "c0": ${name}:1: its rollout stores ${stored}, not this digest; call tagpin first, or set pin.otherDigest`,
    ]);
    expect(await counted(keeping, 'mode="enforce",outcome="kept"')).toBe(String(before + 1));
  });

  test('is replaced by the stored one, if so configured', async () => {
    const before = Number(await counted(replacing, 'mode="enforce",outcome="replaced"'));
    const { images, annotations, warnings } = await admitted(replacing, podOf(replacing, [written()]));
    expect(images).toEqual([`${name}@${stored}`]);
    expect(annotations).toEqual({ 'tagpin.dev/images': JSON.stringify({ c0: `${name}:1` }) });
    expect(warnings).toEqual([
      `container "c0": ${name}:1: came as ${other}, and got the digest that its rollout stores`,
    ]);
    expect(await counted(replacing, 'mode="enforce",outcome="replaced"')).toBe(String(before + 1));
  });

  test('is only told of in audit', async () => {
    const { images, warnings } = await admitted(replacing, podOf(replacing, [written()]), 'audit');
    expect(images).toEqual([written()]);
    expect(warnings).toEqual([expect.stringContaining('not this digest')]);
  });
});

describe.each([
  ['kept', () => keeping],
  ['replaced', () => replacing],
])('no other digest, where others are %s, is', (_, at) => {
  test('the stored one', async () => {
    const pod = podOf(at(), [`${name}@${stored}`]);
    expect(await admitted(at(), pod)).toMatchObject({ images: [`${name}@${stored}`], warnings: [] });
    expect(at().api.requests.entries).toHaveLength(1);
  });

  test('that of a container which is by digest in the template, beside one by tag', async () => {
    const written = [`${name}:1`, `${name}@${other}`];
    const pod = podOf(at(), [`${name}@${stored}`, `${name}@${other}`], written);
    expect(await admitted(at(), pod)).toMatchObject({
      images: [`${name}@${stored}`, `${name}@${other}`],
      warnings: [],
    });
  });

  test('that of a container which is not in the template', async () => {
    const pod = podOf(at(), [`${name}@${stored}`, `${name}@${other}`]);
    expect((await admitted(at(), pod)).warnings).toEqual([]);
  });

  test('that of another repository, to which the image was rewritten', async () => {
    const mirrored = `mirror.example.com/app@${other}`;
    expect(await admitted(at(), podOf(at(), [mirrored]))).toMatchObject({ images: [mirrored], warnings: [] });
  });
});

test('a revision that cannot be read stops nothing where other digests are kept', async () => {
  const pod = podOf(keeping, [`${name}@${other}`]);
  const mend = keeping.api.fail({ resource: 'replicasets', effect: 'forbidden' });
  try {
    expect(await admitted(keeping, pod)).toMatchObject({ images: [`${name}@${other}`], warnings: [] });
  } finally {
    mend();
  }
});

test('a revision that hangs stops nothing where other digests are kept', async () => {
  const pod = podOf(keeping, [`${name}@${other}`]);
  const mend = keeping.api.fail({ resource: 'replicasets', effect: { outcome: 'hang' } });
  try {
    const { response } = await keeping.review('enforce', podReview(pod), '1s');
    expect(response.allowed).toBe(true);
  } finally {
    mend();
  }
});

test('a revision that cannot be read is refused where other digests are replaced', async () => {
  const pod = podOf(replacing, [`${name}@${other}`]);
  const mend = replacing.api.fail({ resource: 'replicasets', effect: 'forbidden' });
  try {
    const { response } = await replacing.review('enforce', podReview(pod));
    expect(response.status?.message).toContain("its revision can't be read");
  } finally {
    mend();
  }
});
