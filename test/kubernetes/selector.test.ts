import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { meets, type Selector } from '../../src/kubernetes/selector.ts';

const labels = { team: 'a', tier: '' };

test.each<[Selector, boolean]>([
  [{}, true],
  [{ matchLabels: { team: 'a' } }, true],
  [{ matchLabels: { team: 'b' } }, false],
  [{ matchLabels: { team: 'a', other: 'x' } }, false],
  [{ matchExpressions: [{ key: 'team', operator: 'In', values: ['a', 'b'] }] }, true],
  [{ matchExpressions: [{ key: 'team', operator: 'NotIn', values: ['a'] }] }, false],
  [{ matchExpressions: [{ key: 'other', operator: 'NotIn', values: ['a'] }] }, true],
  [{ matchExpressions: [{ key: 'tier', operator: 'Exists' }] }, true],
  [{ matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' }] }, false],
  [{ matchExpressions: [{ key: 'other', operator: 'In', values: [''] }] }, false],
])('the labels of %j are met: %s', (selector, is) => expect(meets(selector, labels)).toBe(is));

describe('a selector', () => {
  const word = fc.constantFrom('a', 'b', 'c', 'toString');
  const some = fc.dictionary(word, word);

  test('is met by NotIn where it is not by In, and by DoesNotExist where not by Exists', () => {
    fc.assert(
      fc.property(some, word, fc.array(word), (of, key, values) => {
        const by = (operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist') =>
          meets({ matchExpressions: [{ key, operator, values }] }, of);
        expect(by('NotIn')).toBe(!by('In'));
        expect(by('DoesNotExist')).toBe(!by('Exists'));
      }),
    );
  });
});
