import type { Scalar } from './node.ts';
import { folded, Malformed, unquoteDouble, unquoteSingle } from './scalars.ts';

const code = (character: string) => character.charCodeAt(0);
const [TAB, NEWLINE, RETURN, SPACE] = [code('\t'), code('\n'), code('\r'), code(' ')];
const [HASH, COLON, DASH, DOT, QUESTION] = [code('#'), code(':'), code('-'), code('.'), code('?')];
const MARK = 0xfeff;

/** Whether nothing, a space or a line end is there. */
const isBlank = (at: number) =>
  Number.isNaN(at) || at === SPACE || at === NEWLINE || at === TAB || at === RETURN;
const isFlowIndicator = (at: number) =>
  at === 0x2c || at === 0x5b || at === 0x5d || at === 0x7b || at === 0x7d;

/** Colons in what isn't in quotes. */
export const TWO_COLONS =
  'a colon with a space or a line end behind it makes this a key; if it is part of the value, put the value in quotes';

/** A place in a text, which moves over spaces and scalars (go-yaml v2, scannerc.go). */
export class Cursor {
  readonly text: string;
  position: number;
  #lineStart: number;

  constructor(text: string) {
    this.text = text;
    this.position = text.charCodeAt(0) === MARK ? 1 : 0;
    this.#lineStart = this.position;
  }

  get column(): number {
    return this.position - this.#lineStart;
  }

  /** Where this line begins, as in `slice`. */
  get lineStart(): number {
    return this.#lineStart;
  }

  get character(): string {
    return this.text[this.position] ?? '';
  }

  get isAtEnd(): boolean {
    return this.position >= this.text.length;
  }

  /** Whether a document ends here. */
  get isAtBoundary(): boolean {
    if (this.isAtEnd) return true;
    if (this.position !== this.#lineStart) return false;
    const at = this.#code();
    return (at === DASH || at === DOT) && /^(---|\.\.\.)$/.test(this.#slice(3)) && isBlank(this.#code(3));
  }

  /** Whether this character and a space or a line end are here. */
  isIndicator(character: '-' | '?' | ':'): boolean {
    return this.character === character && isBlank(this.#code(1));
  }

  /**
   * Moves to the next character that is no space and no comment. Returns whether that is on another line.
   *
   * @throws Malformed if a tab indents it, unless it is in brackets
   */
  skip(isFlow = false): boolean {
    let hasMoved = false;
    let tab = -1;
    for (; ; this.position += 1) {
      const at = this.#code();
      if (at === NEWLINE) {
        hasMoved = true;
        tab = -1;
        this.#lineStart = this.position + 1;
      } else if (at === HASH) this.position = this.lineEnd - 1;
      else if (at === TAB) tab = tab === -1 ? this.position : tab;
      else if (at !== SPACE && at !== RETURN) break;
    }
    if (hasMoved && tab !== -1 && !isFlow && !this.isAtEnd)
      throw new Malformed(tab, "a tab can't indent; write spaces");
    return hasMoved;
  }

  /** Moves behind spaces of this line. */
  skipSpaces(): void {
    while (this.#code() === SPACE || this.#code() === TAB) this.position += 1;
  }

  /** Moves behind the name of an anchor, a tag or an alias, and returns it with its indicator. */
  word(isFlow: boolean): string {
    const start = this.position;
    const isVerbatim = this.text.startsWith('!<', start);
    do this.position += 1;
    while (!isBlank(this.#code()) && !(isFlow && !isVerbatim && isFlowIndicator(this.#code())));
    // In `*name: value`, the colon isn't part of the name.
    if (this.text[this.position - 1] === ':' && this.character !== '') this.position -= 1;
    return this.text.slice(start, this.position);
  }

  quoted(tag: string | undefined): Scalar {
    const start = this.position;
    const isDouble = this.character === '"';
    const end = isDouble ? this.#doubleEnd() : this.#singleEnd();
    this.position = end + 1;
    const content = this.text.slice(start + 1, end);
    const newline = content.lastIndexOf('\n');
    if (newline !== -1) this.#lineStart = start + 1 + newline + 1;
    const text = isDouble ? unquoteDouble(content) : unquoteSingle(content);
    return { type: 'scalar', style: isDouble ? '"' : "'", text, tag, start, end: end + 1 };
  }

  #singleEnd(): number {
    let end = this.text.indexOf("'", this.position + 1);
    while (end !== -1 && this.text[end + 1] === "'") end = this.text.indexOf("'", end + 2);
    return this.#closed(end);
  }

  #doubleEnd(): number {
    for (let at = this.position + 1; at < this.text.length; at += 1) {
      if (this.text[at] === '\\') at += 1;
      else if (this.text[at] === '"') return at;
    }
    return this.#closed(-1);
  }

  #closed(end: number): number {
    if (end === -1) throw new Malformed(this.position, 'this quotation mark has no partner; add it');
    return end;
  }

  /** @param indent the column of the collection that it is in: lines that aren't further right don't continue it */
  plain(indent: number, isFlow: boolean, tag: string | undefined): Scalar {
    const start = this.position;
    let end = this.#plainLine(isFlow);
    // `- a` and `key: a` are mostly all there is.
    for (let next = end; ; ) {
      this.position = next;
      if (!this.#isAtLineEnd()) break;
      const lineStart = this.#lineStart;
      this.position = this.lineEnd;
      this.#skipEmptyLines();
      const isContinued =
        !this.isAtBoundary &&
        (isFlow || this.column > indent) &&
        this.#code() !== HASH &&
        !(isFlow && (isFlowIndicator(this.#code()) || (this.#code() === COLON && isBlank(this.#code(1)))));
      if (!isContinued) {
        this.position = end;
        this.#lineStart = lineStart;
        break;
      }
      next = this.#plainLine(isFlow);
      if (next === this.position) break;
      end = next;
    }
    this.position = end;
    const text = folded(this.text.slice(start, end));
    return { type: 'scalar', style: '', text, tag, start, end };
  }

  /** The end of a plain scalar on this line, without the spaces behind it. */
  #plainLine(isFlow: boolean): number {
    const { text } = this;
    let end = this.position;
    for (let at = end; ; at += 1) {
      const character = text.charCodeAt(at);
      if (Number.isNaN(character) || character === NEWLINE || character === RETURN) return end;
      if (character === SPACE || character === TAB) {
        if (text.charCodeAt(at + 1) === HASH) return end;
        continue;
      }
      if (character === COLON && isBlank(text.charCodeAt(at + 1))) return end;
      if (isFlow && (isFlowIndicator(character) || (character === QUESTION && at > this.position)))
        return end;
      end = at + 1;
    }
  }

  /** Whether only spaces follow on this line. */
  #isAtLineEnd(): boolean {
    this.skipSpaces();
    return !this.isAtEnd && (this.#code() === NEWLINE || this.#code() === RETURN);
  }

  /** Moves from a line's end to the next line's first character that is no space. */
  #skipEmptyLines(): void {
    for (; ; this.position += 1) {
      const at = this.#code();
      if (at === NEWLINE) this.#lineStart = this.position + 1;
      else if (at !== SPACE && at !== TAB && at !== RETURN) return;
    }
  }

  /** The offset of the next newline, or of the text's end. */
  get lineEnd(): number {
    const newline = this.text.indexOf('\n', this.position);
    return newline === -1 ? this.text.length : newline;
  }

  /** Moves to the next line. */
  skipLine(): void {
    this.position = Math.min(this.lineEnd + 1, this.text.length);
    this.#lineStart = this.position;
  }

  /** Moves to the next line that begins with `---`. */
  skipDocument(): void {
    if (this.isAtBoundary && this.character === '-') return;
    const next = /^---(?=\s|$)/gm;
    next.lastIndex = this.lineEnd;
    this.position = next.exec(this.text)?.index ?? this.text.length;
    this.#lineStart = this.position;
  }

  #code(ahead = 0): number {
    return this.text.charCodeAt(this.position + ahead);
  }

  #slice(length: number): string {
    return this.text.slice(this.position, this.position + length);
  }
}
