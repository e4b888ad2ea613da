import { describe, expect, test } from 'vitest';
import { truthOf } from '../../src/fleet/match-condition.ts';

const known = { 'request.namespace': 'shop', 'request.operation': 'CREATE' };

describe('a match condition', () => {
  test.each<[string, boolean | undefined]>([
    ['true', true],
    ['false', false],
    ["request.namespace == 'shop'", true],
    ['request.namespace != "shop"', false],
    ["'shop' == request.namespace", true],
    ["!(request.namespace in ['kube-system', 'shop'])", false],
    ["request.namespace in ['a', 'b']", false],
    ['request.namespace in []', false],
    ["request.namespace.startsWith('sh')", true],
    ["!request.namespace.endsWith('-dev')", true],
    ["request.namespace.contains('ho') && request.operation == 'CREATE'", true],
    // What isn't known doesn't matter where the rest decides.
    ["request.operation == 'CREATE' || object.spec.containers != oldObject.spec.containers", true],
    ["request.namespace == 'other' && object.spec.hostNetwork", false],
    ["request.namespace == 'shop' && object.spec.hostNetwork", undefined],
    ["request.userInfo.username == 'ci'", undefined],
    ["request.namespace == 'shop' ? false : object.spec.hostNetwork", false],
    ['object.spec.hostNetwork ? false : false', false],
    ['object.?spec.hostNetwork.orValue(false)', undefined],
    ['has(object.metadata.labels) && false', false],
    // Operators in texts and brackets aren't the condition's own.
    ["request.namespace == 'a || b'", false],
    ["(request.namespace == 'a') || (request.namespace == 'shop')", true],
    ["object.spec.containers.exists(c, c.name == 'a' && false)", undefined],
    ["request.namespace.matches('^sh')", undefined],
    ['request.namespace == "shop', undefined],
    ['((', undefined],
    ['', undefined],
    ['request.toString == request.toString', undefined],
  ])('%j is %s for a new pod of namespace shop', (expression, truth) => {
    expect(truthOf(expression, known)).toBe(truth);
  });
});
