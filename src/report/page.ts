import { createHash } from 'node:crypto';
import { type Bars, printBars, type Tone } from './bars.ts';
import { escapeHtml } from './escape.ts';
import { script, style } from './page-style.ts';

/** A report for a browser, in one file. */
export interface Page {
  title: string;
  subtitle: string;
  /** Shown above everything else. */
  warnings: readonly string[];
  figures: readonly { value: string; label: string; tone: Tone | undefined }[];
  /** What words on the page mean. */
  meanings: { title: string; entries: readonly { term: string; tone: Tone; text: string }[] };
  pictures: readonly Bars[];
  tables: readonly PageTable[];
}

export interface PageTable {
  title: string;
  headings: readonly string[];
  /** The filter's options; none for no filter. */
  choices: readonly string[];
  rows: readonly { cells: readonly Cell[]; choices: readonly string[] }[];
}

/** Text, sorted by `sort` if it is given; or a reference or digest, whole and to be copied; or badges. */
export type Cell =
  | { text: string; sort?: number }
  | { reference: string }
  | { badges: readonly { text: string; tone: Tone; hint: string }[] };

/** Prints the page. All text is escaped, and its policy allows no other script and no loading. */
export function printPage({ title, subtitle, warnings, figures, meanings, pictures, tables }: Page): string {
  const policy = [
    "default-src 'none'",
    `style-src '${hashOf(style)}'`,
    `script-src '${hashOf(script)}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const parts = [
    `<header><h1>${escapeHtml(title)}</h1><p>${escapeHtml(subtitle)}</p></header>`,
    warnings.length === 0
      ? ''
      : `<section class="warnings" role="alert"><ul>${warnings.map((text) => `<li>${escapeHtml(text)}</li>`).join('')}</ul></section>`,
    `<section class="figures">${figures.map(printFigure).join('')}</section>`,
    printMeanings(meanings),
    `<section class="pictures">${pictures.map(printBars).join('')}</section>`,
    ...tables.map(printPageTable),
  ];
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${escapeHtml(policy)}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    `<title>${escapeHtml(title)}</title><style>${style}</style></head>`,
    `<body><main>${parts.join('\n')}</main><script>${script}</script></body></html>\n`,
  ].join('\n');
}

const hashOf = (text: string) => `sha256-${createHash('sha256').update(text).digest('base64')}`;

const printFigure = ({ value, label, tone }: Page['figures'][number]) =>
  `<div class="figure ${tone ?? ''}"><strong>${escapeHtml(value)}</strong><span>${escapeHtml(label)}</span></div>`;

function printPageTable({ title, headings, choices, rows }: PageTable): string {
  const options = ['', ...choices]
    .map((choice) => `<option value="${escapeHtml(choice)}">${escapeHtml(choice || 'all findings')}</option>`)
    .join('');
  const choose =
    choices.length === 0
      ? ''
      : `<select aria-label="Show ${escapeHtml(title)} with a finding">${options}</select>`;
  const head = headings
    .map((heading) => `<th scope="col"><button type="button">${escapeHtml(heading)}</button></th>`)
    .join('');
  return (
    `<section class="table"><h2>${escapeHtml(title)}</h2><div class="controls">` +
    `<input type="search" placeholder="Filter" aria-label="Filter ${escapeHtml(title)}">${choose}` +
    `<output>${rows.length} of ${rows.length}</output></div>` +
    `<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>\n${rows.map((row) => printRow(row, headings)).join('\n')}\n</tbody></table></div></section>`
  );
}

function printMeanings({ title, entries }: Page['meanings']): string {
  if (entries.length === 0) return '';
  const all = entries.map(
    ({ term, tone, text }) =>
      `<div><dt><span class="badge ${tone}">${escapeHtml(term)}</span></dt><dd>${escapeHtml(text)}</dd></div>`,
  );
  return `<section class="meanings"><h2>${escapeHtml(title)}</h2><dl>${all.join('')}</dl></section>`;
}

function printRow({ cells, choices }: PageTable['rows'][number], headings: readonly string[]): string {
  const printed = cells.map((cell, index) => printCell(cell, headings[index] ?? ''));
  return `<tr data-choices="${escapeHtml(choices.join(' '))}">${printed.join('')}</tr>`;
}

/** The heading is shown beside the cell on a narrow screen, where cells without a content are left out. */
function printCell(cell: Cell, heading: string): string {
  const label = ` data-label="${escapeHtml(heading)}"`;
  if ('badges' in cell) {
    const badges = cell.badges.map(
      ({ text, tone, hint }) =>
        `<span class="badge ${tone}" title="${escapeHtml(hint)}">${escapeHtml(text)}</span>`,
    );
    return `<td${label} class="${badges.length === 0 ? 'nothing' : ''}">${badges.join(' ')}</td>`;
  }
  if ('reference' in cell) return `<td${label} class="reference">${printReference(cell.reference)}</td>`;
  const { text, sort } = cell;
  const kind = sort === undefined ? (text.length <= SHORT ? 'short' : '') : 'number';
  const nothing = text === '' || text === '-' || sort === 0 ? ' nothing' : '';
  const number = sort === undefined ? '' : ` data-sort="${sort}"`;
  return `<td${label} class="${kind}${nothing}"${number}>${printText(text)}</td>`;
}

/** The digests in a text are cut by the style like those of references. */
const printText = (text: string) =>
  escapeHtml(text).replace(/\b(sha256|sha512):[0-9a-f]{64,}\b/g, '<span class="digest" title="$&">$&</span>');

const DIGEST = /(sha256|sha512):[0-9a-f]{64,}$/;

/** Whole, so that what is selected is whole, too; the style cuts only what is seen of a digest. */
function printReference(text: string): string {
  const at = text.search(DIGEST);
  if (at < 0) return `<code>${escapeHtml(text)}</code>`;
  const [name, digest] = [escapeHtml(text.slice(0, at)), escapeHtml(text.slice(at))];
  return (
    `<code title="${name}${digest}">${name}<span class="digest">${digest}</span></code>` +
    `<button type="button" class="copy" data-copy="${name}${digest}" aria-label="Copy ${name}${digest}"></button>`
  );
}

/** The longest text that isn't broken over lines. */
const SHORT = 28;
