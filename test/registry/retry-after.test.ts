import { expect, test } from 'vitest';
import { readRetryAfter } from '../../src/registry/retry-after.ts';

const now = Date.parse('Mon, 02 Mar 2026 10:00:00 GMT');

test.each<[string, string | string[] | undefined, number | undefined]>([
  ['seconds', '120', 120],
  ['with spaces', ' 5 ', 5],
  ['none at all', '0', 0],
  ['a date', 'Mon, 02 Mar 2026 10:00:30 GMT', 30],
  ['a date that is part of a second away', new Date(now + 1_500).toISOString(), undefined],
  ['a date that is over', 'Mon, 02 Mar 2026 09:59:30 GMT', undefined],
  ['a year', '31536000', 86_400],
  ['more than there are', '99999999999999999999999999', 86_400],
  ['a date in a year', 'Tue, 02 Mar 2027 10:00:00 GMT', 86_400],
  ['less than nothing', '-1', undefined],
  ['a fraction', '1.5', undefined],
  ['Infinity', 'Infinity', undefined],
  ['hexadecimal', '0x10', undefined],
  ['no number', 'soon', undefined],
  ['nothing', '', undefined],
  ['two of them', ['1', '2'], undefined],
  ['no header', undefined, undefined],
])('%s', (_name, header, seconds) => expect(readRetryAfter(header, now)).toBe(seconds));
