/** A word of an instruction. */
export interface Word {
  text: string;
  /** As in `slice`. A word that continues on another line has the line end between. */
  start: number;
  end: number;
}

/** An instruction: its name in upper case, and the words behind it. That of `ONBUILD COPY` is `COPY`. */
export interface Instruction {
  name: string;
  words: readonly Word[];
}

/** A Dockerfile's directives and instructions (BuildKit frontend/dockerfile/parser/parser.go). */
export interface Dockerfile {
  /** The image of `# syntax=`. */
  syntax: Word | undefined;
  instructions: readonly Instruction[];
}

interface Line {
  start: number;
  /** Without the line end. */
  end: number;
}

export function parseDockerfile(text: string): Dockerfile {
  const lines = linesOf(text);
  const { escapeCharacter, syntax } = directivesOf(text, lines);
  const isContinued = escapeCharacter === '`' ? /(^|[^`])`[ \t]*$/ : /(^|[^\\])\\[ \t]*$/;
  const instructions: Instruction[] = [];
  for (let index = 0; index < lines.length; index += 1) {
    const characters = new Characters(text);
    for (let isFirst = true; index < lines.length; index += 1, isFirst = false) {
      const line = lines[index];
      if (line === undefined) break;
      const source = text.slice(line.start, line.end);
      // Comments and empty lines don't end what is continued.
      if (/^\s*(#|$)/.test(source)) {
        if (isFirst) break;
        continue;
      }
      const continuation = isContinued.exec(source);
      const length =
        continuation === null ? source.length : continuation.index + (continuation[1]?.length ?? 0);
      characters.add(line.start, line.start + length);
      if (continuation === null) break;
    }
    const instruction = characters.instruction();
    if (instruction === undefined) continue;
    instructions.push(instruction);
    if (/^(RUN|COPY|ADD)$/.test(instruction.name))
      index = behindHeredocs(text, lines, index, instruction.words);
  }
  return { syntax, instructions };
}

function linesOf(text: string): Line[] {
  const lines: Line[] = [];
  for (let start = text.startsWith('\uFEFF') ? 1 : 0; start < text.length; ) {
    const newline = text.indexOf('\n', start);
    const end = newline === -1 ? text.length : newline;
    lines.push({ start, end: text[end - 1] === '\r' && end > start ? end - 1 : end });
    start = end + 1;
  }
  return lines;
}

/** Directives are the comments before everything else, even before an empty line (parser/directives.go). */
function directivesOf(text: string, lines: readonly Line[]) {
  let escapeCharacter = '\\';
  let syntax: Word | undefined;
  for (const [index, { start, end }] of lines.entries()) {
    const source = text.slice(start, end);
    if (index === 0 && source.startsWith('#!')) continue;
    const [, before = '', name = '', value = ''] =
      /^(\s*#\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*)(\S.*?)\s*$/.exec(source) ?? [];
    if (name === '') break;
    const [first = ''] = value.split(/\s/);
    const at = start + before.length;
    if (name.toLowerCase() === 'escape') escapeCharacter = value;
    if (name.toLowerCase() === 'syntax') syntax = { text: first, start: at, end: at + first.length };
  }
  return { escapeCharacter, syntax };
}

/** The characters of an instruction, which may be in several lines. */
class Characters {
  readonly #text: string;
  readonly #parts: { start: number; end: number }[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  add(start: number, end: number): void {
    this.#parts.push({ start, end });
  }

  instruction(): Instruction | undefined {
    const [first, ...words] = this.#words();
    const [second, ...others] = words;
    if (first === undefined) return undefined;
    const isOnBuild = first.text.toUpperCase() === 'ONBUILD' && second !== undefined;
    return isOnBuild
      ? { name: second.text.toUpperCase(), words: others }
      : { name: first.text.toUpperCase(), words };
  }

  /** Words may be in quotes, and have quotes in them. */
  #words(): Word[] {
    const words: Word[] = [];
    let word: Word | undefined;
    let quote = '';
    for (const { start, end } of this.#parts) {
      for (let at = start; at < end; at += 1) {
        const character = this.#text[at] ?? '';
        if (quote === '' && /\s/.test(character)) {
          word = undefined;
          continue;
        }
        if (quote === character) quote = '';
        else if (quote === '' && (character === '"' || character === "'")) quote = character;
        if (word === undefined) {
          word = { text: '', start: at, end: at };
          words.push(word);
        }
        word.text += character;
        word.end = at + 1;
      }
    }
    return words;
  }
}

/** `<<EOF`, `<<-"EOF"`, `3<<EOF` (parser.go, `reHeredoc`). */
const HEREDOC = /^\d*<<(-?)(["']?)([A-Za-z_][^\s"'<]*)\2$/;

/** The index of the last line of an instruction's heredocs. One that nothing ends is none. */
function behindHeredocs(text: string, lines: readonly Line[], from: number, words: readonly Word[]): number {
  let index = from;
  for (const word of words) {
    const [, chomp, , name] = HEREDOC.exec(word.text) ?? [];
    if (name === undefined) continue;
    const last = lines.findIndex(({ start, end }, at) => {
      if (at <= index) return false;
      const line = text.slice(start, end);
      return (chomp === '-' ? line.replace(/^\t+/, '') : line) === name;
    });
    if (last !== -1) index = last;
  }
  return index;
}
