import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fleet, type PlacedPod, placedPodSchema } from '../../src/fleet/fleet.ts';

const owner = (kind: string, name: string) => ({
  apiVersion: 'apps/v1',
  kind,
  name,
  uid: `uid-${kind}-${name}`,
  controller: true,
});

function pod(name: string, images: readonly string[], replicaSet?: string): PlacedPod {
  return placedPodSchema.parse({
    metadata: {
      name,
      labels: { 'pod-template-hash': replicaSet ?? '' },
      ...(replicaSet !== undefined && { ownerReferences: [owner('ReplicaSet', replicaSet)] }),
    },
    spec: { containers: images.map((image, index) => ({ name: `c${index}`, image })) },
    status: { phase: 'Running' },
  });
}

describe('a fleet', () => {
  const images = fc.array(fc.constantFrom('a:1', 'a:2', 'b'), { minLength: 1, maxLength: 3 });
  const pods = fc
    .array(fc.record({ images, replicaSet: fc.constantFrom('one', 'two', undefined) }), { maxLength: 30 })
    .map((all) => all.map(({ images, replicaSet }, index) => pod(`pod-${index}`, images, replicaSet)));
  const fleetOf = (all: readonly PlacedPod[]) => {
    const fleet = new Fleet();
    for (const one of all) fleet.addPod(one, 'team');
    return fleet;
  };

  test('property: loses no image of any pod, and has none twice', () => {
    fc.assert(
      fc.property(pods, (all) => {
        const expected = all.flatMap(({ metadata, spec }) =>
          (spec.containers ?? []).map(({ name, image }) => `${metadata.name} ${name} ${image}`),
        );
        const usages = fleetOf(all).usages();
        const found = usages.flatMap(({ pods, name, image }) => pods.map((of) => `${of} ${name} ${image}`));
        expect(found.sort()).toEqual(expected.sort());
      }),
    );
  });

  test('property: is the same in whatever order its pods come', () => {
    const comparableTemplate = (fleet: Fleet) =>
      fleet
        .usages()
        .map(({ pods, ...rest }) => JSON.stringify([rest, pods.toSorted()]))
        .sort();
    fc.assert(
      fc.property(pods, (all) => {
        expect(comparableTemplate(fleetOf(all.toReversed()))).toEqual(comparableTemplate(fleetOf(all)));
      }),
    );
  });

  test('keeps pods that run the same as one, however many', () => {
    const fleet = fleetOf(Array.from({ length: 500 }, (_, index) => pod(`pod-${index}`, ['a:1'], 'one')));
    expect(fleet.usages()).toHaveLength(1);
    expect(fleet.podsIn('team')).toBe(500);
  });

  test('knows the workload at the top, whenever it hears of it', () => {
    const fleet = fleetOf([pod('pod', ['a:1'], 'web-abc')]);
    expect(fleet.usages()[0]?.workload).toMatchObject({ kind: 'ReplicaSet', name: 'web-abc' });
    fleet.addOwner('uid-ReplicaSet-web-abc', owner('Deployment', 'web'));
    expect(fleet.usages()[0]?.workload).toMatchObject({ kind: 'Deployment', name: 'web', namespace: 'team' });
    expect(fleet.hasPods('uid-Deployment-web')).toBe(true);
  });
});
