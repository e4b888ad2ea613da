import fc from 'fast-check';
import { z } from 'zod';
import type { Manifest } from './namespace.ts';

/** A tag that can be resolved, and the digest it has. */
export interface Images {
  readonly tag: string;
  readonly digest: string;
}

/** A pod as it is sent. */
export interface OddPod extends Manifest {
  readonly apiVersion: 'v1';
  readonly kind: 'Pod';
  readonly metadata: {
    readonly name: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly finalizers?: readonly string[];
  };
  readonly spec: Manifest;
}

const typed = { apiVersion: 'v1', kind: 'Pod' } as const;

/** A change of a stored pod. */
export interface Change {
  readonly name: string;
  readonly subresource?: 'ephemeralcontainers';
  apply(stored: unknown): unknown;
}

/** Images as users write them, with their mistakes, and with attempts to bypass the webhook. */
function imagesOf({ tag, digest }: Images) {
  const name = tag.slice(0, tag.lastIndexOf(':'));
  const sha512 = `sha512:${'0'.repeat(128)}`;
  const byDigest = [
    `${name}@${digest}`,
    `${tag}@${digest}`,
    `app@${digest}`,
    `a.example.com:5000/x/y@${sha512}`,
  ];
  const odd = [
    tag,
    `${name}:absent`,
    '',
    undefined,
    `APP@${digest}`,
    `app@${digest.toUpperCase()}`,
    `app@${digest.slice(0, -1)}`,
    `app@${digest}0`,
    `app@${digest}:1`,
    `app@${digest}@${digest}`,
    `app@${digest} `,
    ` app@${digest}`,
    `app @${digest}`,
    `app@${digest}\n`,
    `https://a.example.com/app@${digest}`,
    `@${digest}`,
    'app@',
    'app@sha256:',
    `app@md5:${'0'.repeat(32)}`,
    `app@sha384:${'0'.repeat(96)}`,
    `app@sha512:${'0'.repeat(64)}`,
    '0'.repeat(64),
    `a.example.com/${'x'.repeat(256)}@${digest}`,
    `a.example.com/${'x'.repeat(200)}@${digest}`,
    `[::1]:5000/my__app--x:T_1@${digest}`,
  ];
  const digestOnly = fc.constantFrom(...byDigest);
  // Pods that don't concern the webhook, and pods with one image that does, are both frequent.
  return fc.constantFrom(digestOnly, fc.oneof({ weight: 3, arbitrary: digestOnly }, fc.constantFrom(...odd)));
}

const policy = fc.constantFrom(undefined, undefined, 'Always', 'IfNotPresent', 'Never');

const annotations = ({ tag }: Images) =>
  fc.record(
    {
      'tagpin.dev/skip': fc.constantFrom('*', 'c0', 'absent', ''),
      'tagpin.dev/images': fc.constantFrom(
        JSON.stringify({ c0: tag }),
        JSON.stringify({ c0: 'other.example.com/app:1', v0: tag, gone: 'x' }),
        'nonsense',
      ),
      team: fc.constant('blue'),
    },
    { requiredKeys: [] },
  );

/** Drops what is undefined, as JSON does. */
const containersOf = (prefix: string, written: readonly [string | undefined, string | undefined][]) =>
  written.map(([image, imagePullPolicy], index) => ({ name: `${prefix}${index}`, image, imagePullPolicy }));

const volumesOf = (written: readonly [string | undefined, string | undefined][]) =>
  written.map(([reference, pullPolicy], index) => ({ name: `v${index}`, image: { reference, pullPolicy } }));

export function newPods(images: Images): fc.Arbitrary<OddPod> {
  return imagesOf(images).chain((image) => {
    const written = (maxLength: number, minLength = 0) =>
      fc.array(fc.tuple(image, policy), { maxLength, minLength });
    return fc
      .tuple(
        written(3, 1),
        written(2),
        written(2),
        fc.oneof(fc.constant({}), annotations(images)),
        fc.boolean(),
      )
      .map(([containers, initContainers, volumes, annotations, empty]) => ({
        ...typed,
        metadata: { name: 'web', annotations },
        spec: {
          containers: containersOf('c', containers),
          ...(initContainers.length > 0 && { initContainers: containersOf('i', initContainers) }),
          volumes: [...volumesOf(volumes), ...(empty ? [{ name: 'empty', emptyDir: {} }] : [])],
        },
      }));
  });
}

/** Pods to update: pinned, by digest, by tag, older than the webhook, and terminating. */
export function storedPods({ tag, digest }: Images): OddPod[] {
  const pinned = `${tag.slice(0, tag.lastIndexOf(':'))}@${digest}`;
  const written = (written: unknown) => ({ 'tagpin.dev/images': JSON.stringify(written) });
  const spec = (image: string, more: object = {}) => ({
    schedulerName: 'none',
    terminationGracePeriodSeconds: 0,
    containers: [{ name: 'c0', image, imagePullPolicy: 'IfNotPresent' }],
    ...more,
  });
  const initContainers = [{ name: 'i0', image: tag, imagePullPolicy: 'Always' }];
  const volumes = [{ name: 'v0', image: { reference: pinned, pullPolicy: 'IfNotPresent' } }];
  const pods: Pick<OddPod, 'metadata' | 'spec'>[] = [
    {
      metadata: { name: 'pinned', annotations: written({ c0: tag, v0: tag }) },
      spec: spec(pinned, { volumes }),
    },
    { metadata: { name: 'by-digest' }, spec: spec(pinned) },
    { metadata: { name: 'by-tag' }, spec: spec(tag, { initContainers }) },
    { metadata: { name: 'no-reference' }, spec: spec('NO REFERENCE:x') },
    { metadata: { name: 'false-claim', annotations: written({ c0: 'x:1', gone: tag }) }, spec: spec(pinned) },
    { metadata: { name: 'skipped', annotations: { 'tagpin.dev/skip': '*' } }, spec: spec(tag) },
    { metadata: { name: 'ending', finalizers: ['example.com/wait'] }, spec: spec(tag) },
    {
      metadata: {
        name: 'ending-pinned',
        finalizers: ['example.com/wait'],
        annotations: written({ c0: tag }),
      },
      spec: spec(pinned),
    },
  ];
  return pods.map((pod) => ({ ...typed, ...pod }));
}

const stored = z.looseObject({
  metadata: z.looseObject({ annotations: z.record(z.string(), z.string()).default({}) }),
  spec: z.looseObject({
    containers: z.array(z.looseObject({})),
    initContainers: z.array(z.looseObject({})).optional(),
    volumes: z.array(z.looseObject({ image: z.looseObject({}).optional() })).optional(),
  }),
});

export function changes(images: Images): fc.Arbitrary<Change> {
  const name = fc.constantFrom(...storedPods(images).map(({ metadata }) => metadata.name));
  const kept = fc.constant<object>({});
  const image = imagesOf(images).chain((image) => image);
  const container = fc.oneof(kept, fc.record({ image, imagePullPolicy: policy }, { requiredKeys: [] }));
  const volume = fc.oneof(
    { weight: 3, arbitrary: kept },
    fc.record({ reference: image, pullPolicy: policy }, { requiredKeys: [] }),
  );
  const whole = fc
    .record({
      name,
      container,
      volume,
      first: fc.oneof({ weight: 3, arbitrary: kept }, container),
      annotations: fc.oneof(fc.constant(undefined), annotations(images)),
    })
    .map(({ name, container, first, volume, annotations }) => ({
      name,
      apply(object: unknown) {
        const { metadata, spec, ...rest } = stored.parse(object);
        return {
          ...rest,
          metadata: { ...metadata, annotations: annotations ?? metadata.annotations },
          spec: {
            ...spec,
            containers: spec.containers.map((before) => ({ ...before, ...container })),
            initContainers: spec.initContainers?.map((before) => ({ ...before, ...first })),
            volumes: spec.volumes?.map((before) =>
              before.image ? { ...before, image: { ...before.image, ...volume } } : before,
            ),
          },
        };
      },
    }));
  const debugging = fc.record({ name, added: fc.array(fc.tuple(image, policy), { maxLength: 2 }) }).map(
    ({ name, added }): Change => ({
      name,
      subresource: 'ephemeralcontainers',
      apply(object: unknown) {
        const { spec, ...rest } = stored.parse(object);
        return { ...rest, spec: { ...spec, ephemeralContainers: containersOf('e', added) } };
      },
    }),
  );
  return fc.oneof({ weight: 4, arbitrary: whole }, debugging);
}
