import type { Cursor } from './cursor.ts';
import {
  type Alias,
  keyText,
  type Mapping,
  type Node,
  type Pair,
  type Scalar,
  type Sequence,
} from './node.ts';
import { Malformed } from './scalars.ts';

/** Nested collections. Deeper ones would exhaust the stack. */
const DEEPEST = 500;
export const TOO_DEEP = 'it is nested too deeply to be read';

/** More than these aren't told: one mistake may be in every line. */
const MOST_REPEATED = 10;

/** An anchor and a tag before a node. */
export interface Properties {
  anchor: string | undefined;
  tag: string | undefined;
  column: number;
}

/** What may stand within a line, and collections in brackets. */
export class InlineParser {
  /** The first keys that occur in their mapping before. */
  readonly repeated: Scalar[] = [];
  readonly #cursor: Cursor;
  readonly #anchors = new Map<string, () => Node>();
  #depth = 0;

  constructor(cursor: Cursor) {
    this.#cursor = cursor;
  }

  /** The anchor and the tag here, if there are any. Moves behind them. */
  properties(isFlow: boolean): Properties | undefined {
    const cursor = this.#cursor;
    const { column } = cursor;
    let anchor: string | undefined;
    let tag: string | undefined;
    for (; cursor.character === '&' || cursor.character === '!'; cursor.skipSpaces()) {
      if (cursor.character === '&') anchor = cursor.word(isFlow).slice(1);
      else tag = cursor.word(isFlow);
    }
    return anchor === undefined && tag === undefined ? undefined : { anchor, tag, column };
  }

  /** Makes a node that aliases can name, even those within it. */
  anchored<T extends Node>(own: Properties | undefined, make: () => T): T {
    if (own?.anchor === undefined) return make();
    let made: Node | undefined;
    this.#anchors.set(own.anchor, () => made ?? emptyAt(0, undefined));
    const node = make();
    made = node;
    return node;
  }

  /**
   * A node that isn't a block collection.
   *
   * @param parent the column of the collection that it is in
   */
  inline(parent: number, own: Properties | undefined, isFlow: boolean): Node {
    return this.anchored(own, () => {
      const cursor = this.#cursor;
      const { character } = cursor;
      if (character === '*') return this.#alias(isFlow);
      if (character === '"' || character === "'") return cursor.quoted(own?.tag);
      if (character === '{' || character === '[') return this.deeper(() => this.#collection(character));
      const isText =
        !/[,\]}#&!|>%@`]/.test(character) && !cursor.isIndicator('-') && !cursor.isIndicator('?');
      if (!isText) this.refuse(`"${character}" can't begin a value; put the value in quotes`);
      return cursor.plain(parent, isFlow, own?.tag);
    });
  }

  /** Makes a collection, unless it is nested too deeply. */
  deeper<T>(make: () => T): T {
    this.#depth += 1;
    if (this.#depth > DEEPEST) this.refuse(TOO_DEEP);
    const made = make();
    this.#depth -= 1;
    return made;
  }

  /** Remembers the keys that a mapping has twice. */
  findRepeated(pairs: readonly Pair[]): void {
    const names = new Set<string>();
    for (const { key } of pairs) {
      const name = keyText(key);
      if (name === undefined || key.type !== 'scalar') continue;
      if (names.has(name) && this.repeated.length < MOST_REPEATED) this.repeated.push(key);
      names.add(name);
    }
  }

  /** @throws Malformed always */
  refuse(message = MISPLACED, at = this.#cursor.position): never {
    throw new Malformed(at, message);
  }

  #alias(isFlow: boolean): Alias {
    const start = this.#cursor.position;
    const name = this.#cursor.word(isFlow).slice(1);
    const target = this.#anchors.get(name);
    if (target === undefined)
      return this.refuse(`nothing has the anchor &${name}; write the value out`, start);
    return { type: 'alias', name, target, start, end: this.#cursor.position };
  }

  /** A collection in brackets, where neither indentation nor line ends matter. */
  #collection(opening: '{' | '['): Mapping | Sequence {
    const cursor = this.#cursor;
    const start = cursor.position;
    const closing = opening === '{' ? '}' : ']';
    const items: Node[] = [];
    const pairs: Pair[] = [];
    cursor.position += 1;
    for (;;) {
      cursor.skip(true);
      if (cursor.isAtBoundary) this.refuse(`the bracket ${opening} isn't closed; add ${closing}`, start);
      if (cursor.character === closing) break;
      const { key, value } = this.#entry();
      if (opening === '{') pairs.push({ key, value: value ?? emptyAt(key.end, undefined) });
      else items.push(value === undefined ? key : singlePair(key, value));
      cursor.skip(true);
      if (cursor.character === ',') cursor.position += 1;
      else if (cursor.character !== closing && !cursor.isAtBoundary)
        this.refuse(`a comma or ${closing} belongs here; add it, or put the value before it in quotes`);
    }
    cursor.position += 1;
    const end = cursor.position;
    this.findRepeated(pairs);
    return opening === '{'
      ? { type: 'mapping', pairs, isFlow: true, start, end }
      : { type: 'sequence', items, isFlow: true, start, end };
  }

  /** An item, or a pair. */
  #entry(): { key: Node; value: Node | undefined } {
    const cursor = this.#cursor;
    if (cursor.isIndicator('?')) {
      cursor.position += 1;
      cursor.skip(true);
    }
    const key = this.#nodeInBrackets();
    cursor.skip(true);
    if (cursor.character !== ':') return { key, value: undefined };
    cursor.position += 1;
    return { key, value: this.#nodeInBrackets() };
  }

  #nodeInBrackets(): Node {
    const cursor = this.#cursor;
    const before = cursor.position;
    cursor.skip(true);
    const own = this.properties(true);
    const behind = own === undefined ? before : cursor.position;
    if (own !== undefined) cursor.skip(true);
    const isAbsent = cursor.isAtBoundary || /[,\]}]/.test(cursor.character) || cursor.isIndicator(':');
    if (isAbsent) return this.anchored(own, () => emptyAt(behind, own?.tag));
    return this.inline(-1, own, true);
  }
}

const MISPLACED =
  "this doesn't belong here; correct its indentation, or put the value that it is part of in quotes";

/** A pair in a list's brackets: `[a: 1]`. */
const singlePair = (key: Node, value: Node): Mapping => ({
  type: 'mapping',
  pairs: [{ key, value }],
  isFlow: true,
  start: key.start,
  end: value.end,
});

/** Where nothing is written: null. */
export const emptyAt = (position: number, tag: string | undefined): Scalar => ({
  type: 'scalar',
  style: '',
  text: '',
  tag,
  start: position,
  end: position,
});
