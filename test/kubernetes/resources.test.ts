import { expect, test } from 'vitest';
import { pathOf, resourceIn, resources } from '../../src/kubernetes/resources.ts';

test.each(Object.values(resources))('a path of $name is told from all others', (resource) => {
  for (const namespace of [undefined, 'team', 'namespaces']) {
    for (const name of [undefined, 'web', 'secrets']) {
      expect(resourceIn(pathOf(resource, namespace, name))).toBe(resource.name);
    }
    expect(resourceIn(`${pathOf(resource, namespace)}?limit=250&labelSelector=a%2Fb`)).toBe(resource.name);
  }
});
