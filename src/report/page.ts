import { createHash } from 'node:crypto';
import { type Bars, printBars, type Tone } from './bars.ts';
import { escapeHtml } from './escape.ts';
import { script, style } from './page-assets.ts';

/** A report for a browser, in one file. */
export interface Page {
  title: string;
  subtitle: string;
  /** Shown above everything else. */
  warnings: readonly string[];
  figures: readonly { value: string; label: string; tone: Tone | undefined }[];
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

/**
 * Text, sorted by `sort` if it is given; as code if a person may copy it; with a tooltip if it is shortened. Or badges.
 */
export type Cell =
  | { text: string; sort?: number; isCode?: boolean; hint?: string }
  | { badges: readonly { text: string; tone: Tone; hint: string }[] };

/** Prints the page. All text is escaped, and its policy allows no other script and no loading. */
export function printPage({ title, subtitle, warnings, figures, pictures, tables }: Page): string {
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
    `<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>\n${rows.map(printRow).join('\n')}\n</tbody></table></div></section>`
  );
}

const printRow = ({ cells, choices }: PageTable['rows'][number]) =>
  `<tr data-choices="${escapeHtml(choices.join(' '))}">${cells.map(printCell).join('')}</tr>`;

function printCell(cell: Cell): string {
  if ('badges' in cell) {
    const badges = cell.badges.map(
      ({ text, tone, hint }) =>
        `<span class="badge ${tone}" title="${escapeHtml(hint)}">${escapeHtml(text)}</span>`,
    );
    return `<td>${badges.join(' ')}</td>`;
  }
  const { text, sort, isCode, hint } = cell;
  const kind = sort === undefined ? (text.length <= SHORT ? 'short' : '') : 'number';
  const number = sort === undefined ? '' : ` data-sort="${sort}"`;
  const title = hint === undefined ? '' : ` title="${escapeHtml(hint)}"`;
  const content = isCode ? `<code>${escapeHtml(text)}</code>` : escapeHtml(text);
  return `<td class="${kind}"${number}${title}>${content}</td>`;
}

/** The longest text that isn't broken over lines. */
const SHORT = 28;
