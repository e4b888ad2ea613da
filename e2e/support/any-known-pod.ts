import fc from 'fast-check';
import type { KnownPod } from './known-pod.ts';

const digest = fc.stringMatching(/^sha256:[a-f0-9]{64}$/);
const names = ['nginx', 'team/app', 'a.example.com/app', 'a.example.com:5000/team/app', '[::1]:5000/a__b'];
const images = names.flatMap((name) => ['', ':latest', ':1.2', ':A_b.c-d'].map((tag) => name + tag));
/** Of containers and volumes; some are both. */
const name = fc.constantFrom('app', 'app-1', 'a', '1', '10', '2', '1a', 'web', 'proxy');
const policy = fc.constantFrom('Always', 'IfNotPresent', undefined, undefined, 'Never');

/** Image → digest, and what `null` is stored for. */
const pins = fc.record({
  known: fc
    .uniqueArray(fc.tuple(fc.constantFrom(...images), digest), { selector: ([image]) => image, minLength: 1 })
    .map(Object.fromEntries<string>),
  lacking: fc.constantFrom([], ['lacking:1'], ['a/b', 'z/y:1']),
});

/** One of the known, by tag or by digest. */
const imageOf = (known: readonly string[]) =>
  fc
    .tuple(fc.constantFrom(...known), fc.option(digest, { freq: 5, nil: undefined }))
    .map(([image, digest]) => (digest === undefined ? image : `${image}@${digest}`));

const placesOf = (known: readonly string[]) => {
  const container = fc.record({ name, image: imageOf(known), imagePullPolicy: policy });
  const containers = fc.uniqueArray(container, { selector: (each) => each.name, minLength: 1, maxLength: 6 });
  const volume = fc.record({ name, image: fc.record({ reference: imageOf(known), pullPolicy: policy }) });
  return fc.record({
    // A container's name is its own among init containers too.
    containers: fc.tuple(containers, fc.nat(5)).map(([all, at]) => {
      const first = all.slice(0, Math.min(at, all.length - 1));
      return { initContainers: first, containers: all.slice(first.length) };
    }),
    volumes: fc.uniqueArray(volume, { selector: (each) => each.name, maxLength: 3 }),
  });
};

const space = fc.constantFrom('', ' ', '\t ');
const skipped = fc.oneof(
  { weight: 8, arbitrary: name },
  { weight: 1, arbitrary: fc.constantFrom('', 'other') },
  { weight: 1, arbitrary: fc.constant('*') },
);
const skip = fc.option(fc.array(fc.tuple(space, skipped, space), { maxLength: 3 }), { nil: undefined });

const hash = fc.stringMatching(/^[a-zA-Z0-9]([-a-zA-Z0-9_.]{0,10}[a-zA-Z0-9])?$/);
const labels = fc.record(
  { 'pod-template-hash': hash, 'rollouts-pod-template-hash': hash },
  { requiredKeys: [] },
);
const times = fc.uniqueArray(fc.integer({ min: 1, max: 36 ** 10 - 1 }), { minLength: 1, maxLength: 4 });

/** A pod of a ReplicaSet whose stored digests name each of its images, some of them under older keys as well. */
export const anyKnownPod: fc.Arbitrary<KnownPod> = fc
  .tuple(pins, labels, times, digest, fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.string()), skip)
  .chain(([{ known, lacking }, labels, times, other, annotations, skip]) => {
    const own = labels['pod-template-hash'] ?? labels['rollouts-pod-template-hash'] ?? 'own';
    const print = (pins: Readonly<Record<string, string>>) =>
      JSON.stringify({ ...pins, ...Object.fromEntries(lacking.map((image) => [image, null])) });
    const older = print(Object.fromEntries(Object.keys(known).map((image) => [image, other])));
    const newest = Math.max(...times);
    const stored = Object.fromEntries(
      times.map((time) => [
        `pins.tagpin.dev/${own}.${time.toString(36)}`,
        time === newest ? print(known) : older,
      ]),
    );
    return placesOf(Object.keys(known)).map(
      ({ containers, volumes }): KnownPod => ({
        name: 'random',
        labels,
        stored: { ...stored, [`pins.tagpin.dev/${own}.x.zzzzzzzz`]: older },
        annotations: {
          ...annotations,
          ...(skip && { 'tagpin.dev/skip': skip.map((parts) => parts.join('')).join(',') }),
        },
        spec: { ...containers, volumes },
      }),
    );
  });
