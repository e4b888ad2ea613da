import { styleText } from 'node:util';
import { Checks } from './checks.ts';
import { shortened } from './pods.ts';
import { type Column, sideBySide } from './side-by-side.ts';

const WIDTH = 100;
const INDENT = '  ';

/** The demo's output, and the checks behind it. */
export class Report {
  readonly #write: (line: string) => void;
  readonly #coloured: boolean;
  readonly #checks = new Checks();

  constructor(write: (line: string) => void, coloured: boolean) {
    this.#write = write;
    this.#coloured = coloured;
  }

  get exitCode(): 0 | 1 {
    return this.#checks.exitCode;
  }

  /** The line before the first chapter. */
  introduction(text: string): void {
    this.#write(text);
  }

  chapter(title: string): void {
    this.#write('');
    this.#write(this.#style('bold', title));
  }

  /** Checks a claim, and shows the evidence at the right. */
  claim(claim: string, holds: boolean, evidence = ''): void {
    const mark = this.#checks.check(claim, holds) ? this.#style('green', '✔') : this.#style('red', '✘');
    const gap = evidence.padStart(WIDTH - INDENT.length - 2 - claim.length);
    this.#write(`${INDENT}${mark} ${claim}${gap}`.trimEnd());
  }

  /** A message of the webhook, digests shortened. */
  quote(text: string): void {
    const indent = INDENT.repeat(3);
    const lines = wrap(shortened(text), WIDTH - indent.length);
    for (const line of lines) this.#write(indent + this.#style('yellow', line));
  }

  /** The column heads for the evidence below. */
  heads(text: string): void {
    this.#write(this.#style('dim', text.padStart(WIDTH).trimEnd()));
  }

  sideBySide(left: Column, right: Column): void {
    const changed = (text: string) => this.#style('cyan', text);
    const lines = sideBySide(left, right, { width: WIDTH - INDENT.length, changed });
    for (const line of lines) this.#write(INDENT + line);
    this.#write('');
  }

  /** The last lines: how many checks held, or which did not. */
  end(): void {
    this.#write('');
    const colour = this.exitCode === 0 ? 'green' : 'red';
    for (const line of this.#checks.summary()) this.#write(this.#style(colour, line));
  }

  #style(format: Parameters<typeof styleText>[0], text: string): string {
    // the report decides about colours once, not for each line
    return this.#coloured ? styleText(format, text, { validateStream: false }) : text;
  }
}

/** Lines of words, none longer than the width unless a single word is. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (longer.length > width && line !== '') {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line];
}
