import { escapeHtml } from './escape.ts';

/** A chart of stacked bars. */
export interface Bars {
  title: string;
  /** The parts of each bar from left to right. The tone is one of the page's colours. */
  parts: readonly { name: string; tone: Tone }[];
  rows: readonly { label: string; values: readonly number[]; note: string }[];
  /** The number of rows, of which `rows` may be a part. */
  total: number;
}

export type Tone = 'good' | 'warning' | 'bad' | 'unknown';

/** Pixels of a row: its text, and the bar below that. */
const ROW = 36;
const TEXT = 10;
const TOP = 20;
const BAR = 10;
/** What fits beside the note on the screen of a telephone. */
const LONGEST_LABEL = 28;

/**
 * The chart as an SVG, coloured by the page's classes. Lengths are percentages, and texts keep their size, however wide the page.
 */
export function printBars({ title, parts, rows, total }: Bars): string {
  const legend = parts
    .map(({ name, tone }) => `<li><span class="swatch ${tone}"></span>${escapeHtml(name)}</li>`)
    .join('');
  const height = Math.max(rows.length, 1) * ROW;
  const drawn = rows.map((row, index) => printRow(row, parts, index * ROW)).join('');
  const more =
    total > rows.length ? `<p class="more">${rows.length} of ${total} are drawn; the table has all.</p>` : '';
  return (
    `<figure><figcaption>${escapeHtml(title)}</figcaption><ul class="legend">${legend}</ul>` +
    `<svg height="${height}" role="img" aria-label="${escapeHtml(title)}">${drawn}</svg>${more}</figure>`
  );
}

function printRow({ label, values, note }: Bars['rows'][number], parts: Bars['parts'], top: number): string {
  const sum = values.reduce((total, value) => total + value, 0);
  const place = `y="${top + TOP}" height="${BAR}"`;
  let left = 0;
  const segments = values.map((value, index) => {
    const part = parts[index];
    const length = sum === 0 ? 0 : (value / sum) * 100;
    const x = left;
    left += length;
    if (part === undefined || length === 0) return '';
    const hint = `${label}: ${value} ${part.name}`;
    return (
      `<rect class="${part.tone}" x="${round(x)}%" width="${round(length)}%" ${place}>` +
      `<title>${escapeHtml(hint)}</title></rect>`
    );
  });
  const shown = label.length > LONGEST_LABEL ? `${label.slice(0, LONGEST_LABEL - 1)}…` : label;
  return (
    `<text class="label" x="0" y="${top + TEXT}">${escapeHtml(shown)}<title>${escapeHtml(label)}</title></text>` +
    `<text class="value" x="100%" y="${top + TEXT}">${escapeHtml(note)}</text>` +
    `<rect class="track" x="0%" width="100%" ${place}/>${segments.join('')}`
  );
}

const round = (number: number) => Math.round(number * 100) / 100;
