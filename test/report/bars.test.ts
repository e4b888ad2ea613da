import { expect, test } from 'vitest';
import { printBars } from '../../src/report/bars.ts';

const bars = {
  title: 'Share',
  parts: [
    { name: 'by digest', tone: 'good' },
    { name: 'by tag', tone: 'warning' },
  ],
  rows: [{ label: 'team', values: [1, 3], note: '25%' }],
  total: 1,
} as const;
const widths = (svg: string, tone: string) =>
  [...svg.matchAll(new RegExp(`<rect class="${tone}"[^>]* width="([\\d.]+)%"`, 'g'))].map(([, width]) =>
    Number(width),
  );

test('a part is as long as its share', () => {
  const svg = printBars(bars);
  const [good = 0] = widths(svg, 'good');
  const [warning = 0] = widths(svg, 'warning');
  const [track = 0] = widths(svg, 'track');
  expect(good / track).toBeCloseTo(0.25);
  expect(warning / track).toBeCloseTo(0.75);
});

test('what is none has no part, and a row of nothing is empty', () => {
  const svg = printBars({ ...bars, rows: [{ label: 'none', values: [0, 0], note: '-' }] });
  expect([...widths(svg, 'good'), ...widths(svg, 'warning')]).toEqual([]);
});

test('a long label is shortened, and whole where one points at it', () => {
  const label = 'a-namespace-with-the-longest-name-that-there-may-be-of-63-chars';
  const svg = printBars({ ...bars, rows: [{ label, values: [1, 0], note: '' }] });
  expect(svg).toContain('>a-namespace-with-the-longes…<title>');
  expect(svg).toContain(`<title>${label}</title>`);
});

test('rows that are left out are told of', () => {
  expect(printBars({ ...bars, total: 40 })).toContain('1 of 40 are drawn');
});
