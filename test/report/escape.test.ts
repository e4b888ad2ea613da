import fc from 'fast-check';
import { expect, test } from 'vitest';
import { escapeHtml } from '../../src/report/escape.ts';

test('what HTML would take for its own is written as entities', () => {
  expect(escapeHtml(`<a href="x" title='y'>&amp;`)).toBe(
    '&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;amp;',
  );
});

test('control characters are shown', () => expect(escapeHtml('a\u0000\u001bb')).toBe('a\\u{0}\\u{1b}b'));

test('whatever text: nothing is left that could open a tag or end an attribute', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(escapeHtml(text)).not.toMatch(/[<>"'\p{Cc}\p{Cs}]/u);
    }),
  );
});
