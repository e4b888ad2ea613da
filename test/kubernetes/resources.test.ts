import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isObjectName, pathOf, resourceIn, resources } from '../../src/kubernetes/resources.ts';
import { runs } from '../support/runs.ts';

test.each(Object.values(resources))('a path of $name is told from all others', (resource) => {
  for (const namespace of [undefined, 'team', 'namespaces']) {
    for (const name of [undefined, 'web', 'secrets']) {
      expect(resourceIn(pathOf(resource, namespace, name) ?? '')).toBe(resource.name);
    }
    expect(resourceIn(`${pathOf(resource, namespace)}?limit=250&labelSelector=a%2Fb`)).toBe(resource.name);
  }
});

/** The tables of apimachinery pkg/util/validation/validation_test.go, `TestIsDNS1123Subdomain`. */
const goodNames = [
  ...['a', 'ab', 'abc', 'a1', 'a-1', 'a--1--2--b', '0', '01', '012', '1a', '1-a', '1--a--b--2'],
  ...['a.a', 'ab.a', 'abc.a', 'a1.a', 'a-1.a', 'a--1--2--b.a', 'a.1', 'ab.1', 'abc.1', 'a1.1', 'a-1.1'],
  ...['a--1--2--b.1', '0.a', '01.a', '012.a', '1a.a', '1-a.a', '1--a--b--2', '0.1', '01.1', '012.1', '1a.1'],
  ...['1-a.1', '1--a--b--2.1', 'a.b.c.d.e', 'aa.bb.cc.dd.ee', '1.2.3.4.5', '11.22.33.44.55', 'a'.repeat(253)],
];
const badNames = [
  ...['', 'A', 'ABC', 'aBc', 'A1', 'A-1', '1-A', '-', 'a-', '-a', '1-', '-1', '_', 'a_', '_a', 'a_b', '1_'],
  ...['_1', '1_2', '.', 'a.', '.a', 'a..b', '1.', '.1', '1..2', ' ', 'a ', ' a', 'a b', '1 ', ' 1', '1 2'],
  ...['A.a', 'aB.a', 'ab.A', 'A1.a', 'a1.A', 'A.1', 'aB.1', 'A1.1', '1A.1', '0.A', '01.A', '012.A', '1A.a'],
  ...['1a.A', 'A.B.C.D.E', 'AA.BB.CC.DD.EE', 'a.B.c.d.e', 'aa.bB.cc.dd.ee', 'a@b', 'a,b', 'a_b', 'a;b'],
  ...['a:b', 'a%b', 'a?b', 'a$b', 'a'.repeat(254)],
  // apimachinery pkg/api/validate/content/path_test.go, `TestIsPathSegmentName`
  ...['..', 'foo/bar', 'foo%bar', '.test', '..test'],
  // A URL or a header would hide or change these.
  ...['a\n', '\na', 'a\u0000', 'ı', 'a\u2024b', '%2e%2e', '\ud800'],
];

describe('an object can have a name', () => {
  test.each(goodNames)('%j', (name) => expect(isObjectName(name)).toBe(true));
});
describe('no object can have the name', () => {
  test.each(badNames)('%j', (name) => {
    expect(isObjectName(name)).toBe(false);
    expect(pathOf(resources.Secret, 'team', name)).toBeUndefined();
    expect(pathOf(resources.Secret, name, 'login')).toBeUndefined();
  });
});

test('property: a path has the segments that it was made of, and no others', () => {
  const names = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.stringMatching(/^[./%a-z-]{1,6}$/),
    fc.stringMatching(/^[a-z0-9]([-.a-z0-9]{0,5}[a-z0-9])?$/),
  );
  fc.assert(
    fc.property(fc.constantFrom(...Object.values(resources)), names, names, (resource, namespace, name) => {
      const path = pathOf(resource, namespace, name);
      if (path === undefined) {
        expect(isObjectName(namespace) && isObjectName(name)).toBe(false);
        return;
      }
      const { pathname, search, hash } = new URL(path, 'https://api.example');
      expect([pathname, search, hash]).toEqual([path, '', '']);
      expect(path.split('/').slice(-4)).toEqual(['namespaces', namespace, resource.name, name]);
    }),
    runs(),
  );
});
