import type { Typed } from './terminal.ts';

const COLUMNS = 104;
const CHARACTER_WIDTH = 7.8;
const LINE_HEIGHT = 19;
const PADDING = 18;
const BAR_HEIGHT = 34;

type Style = 'prompt' | 'comment' | 'output' | 'digest';
interface Run {
  readonly text: string;
  readonly style: Style;
}

/** Draws a terminal session as an SVG. Digests are shortened, and each has its own colour. */
export function picture(title: string, session: readonly (Typed | string)[]): string {
  const lines = session.flatMap(linesOf);
  const digests = [...new Set(lines.flat().flatMap(({ text, style }) => (style === 'digest' ? [text] : [])))];
  const width = Math.round(COLUMNS * CHARACTER_WIDTH) + 2 * PADDING;
  const height = BAR_HEIGHT + lines.length * LINE_HEIGHT + PADDING;
  const rows = lines.map((runs, index) => {
    const spans = runs.map((run) => `<tspan class="${classOf(run, digests)}">${escaped(run.text)}</tspan>`);
    return `  <text xml:space="preserve" x="${PADDING}" y="${BAR_HEIGHT + (index + 1) * LINE_HEIGHT - 5}">${spans.join('')}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(title)}">
  <style>
    text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre; fill: #d7dee6; }
    .prompt { fill: #ffffff; font-weight: 600; }
    .comment { fill: #8b98a5; font-style: italic; }
    .digest0 { fill: #58a6ff; font-weight: 600; }
    .digest1 { fill: #f0883e; font-weight: 600; }
    .digest2 { fill: #3fb950; font-weight: 600; }
  </style>
  <rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>
  <circle cx="20" cy="17" r="5" fill="#ff5f57"/><circle cx="37" cy="17" r="5" fill="#febc2e"/><circle cx="54" cy="17" r="5" fill="#28c840"/>
${rows.join('\n')}
</svg>
`;
}

function linesOf(entry: Typed | string): Run[][] {
  if (typeof entry === 'string') return [[], [{ text: `# ${entry}`, style: 'comment' }]];
  const typed: Run[] = [{ text: `$ ${entry.command}`, style: 'prompt' }];
  const output = entry.output === '' ? [] : entry.output.split('\n').flatMap(outputLines);
  return [typed, ...output];
}

function outputLines(line: string): Run[][] {
  const short = line.replace(/(sha256:[0-9a-f]{8})[0-9a-f]{56}/g, '$1…');
  return wrap(short).map((part) =>
    part
      .split(/(sha256:[0-9a-f]{8}…)/)
      .filter((text) => text !== '')
      .map((text) => ({ text, style: text.startsWith('sha256:') ? 'digest' : 'output' })),
  );
}

/** Wraps a long line between words. */
function wrap(line: string): string[] {
  if (line.length <= COLUMNS) return [line];
  const space = line.lastIndexOf(' ', COLUMNS);
  const at = space > 0 ? space : COLUMNS;
  return [line.slice(0, at), ...wrap(`  ${line.slice(at).trimStart()}`)];
}

function classOf({ text, style }: Run, digests: readonly string[]): string {
  return style === 'digest' ? `digest${digests.indexOf(text) % 3}` : style;
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
