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

const WIDTH = 720;
const LABELS = 200;
const NOTES = 130;
const ROW = 24;
const BAR = 14;
const LONGEST_LABEL = 28;

/** The chart as an SVG, coloured by the page's classes. */
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
    `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeHtml(title)}">${drawn}</svg>${more}</figure>`
  );
}

function printRow({ label, values, note }: Bars['rows'][number], parts: Bars['parts'], top: number): string {
  const sum = values.reduce((total, value) => total + value, 0);
  const width = WIDTH - LABELS - NOTES;
  const middle = top + ROW / 2;
  let left = LABELS;
  const segments = values.map((value, index) => {
    const part = parts[index];
    const length = sum === 0 ? 0 : (value / sum) * width;
    const x = left;
    left += length;
    if (part === undefined || length === 0) return '';
    const hint = `${label}: ${value} ${part.name}`;
    return (
      `<rect class="${part.tone}" x="${round(x)}" y="${round(middle - BAR / 2)}" width="${round(length)}" ` +
      `height="${BAR}"><title>${escapeHtml(hint)}</title></rect>`
    );
  });
  const shown = label.length > LONGEST_LABEL ? `${label.slice(0, LONGEST_LABEL - 1)}…` : label;
  return (
    `<text class="label" x="${LABELS - 8}" y="${middle}">${escapeHtml(shown)}<title>${escapeHtml(label)}</title></text>` +
    `<rect class="track" x="${LABELS}" y="${round(middle - BAR / 2)}" width="${width}" height="${BAR}"/>` +
    segments.join('') +
    `<text class="value" x="${WIDTH - NOTES + 8}" y="${middle}">${escapeHtml(note)}</text>`
  );
}

const round = (number: number) => Math.round(number * 100) / 100;
