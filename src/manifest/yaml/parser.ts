import { blockScalar } from './block-scalar.ts';
import { Cursor, TWO_COLONS } from './cursor.ts';
import { emptyAt, InlineParser, type Properties } from './inline.ts';
import type { Mapping, Node, Pair, Scalar, Sequence } from './node.ts';
import { Malformed, normalized } from './scalars.ts';

/** A YAML document. */
export interface Document {
  /** Where it begins, as in `slice`. */
  readonly start: number;
  readonly end: number;
  /** Undefined if there is nothing in it, or if it can't be read. */
  readonly root: Node | undefined;
  /** The first keys that occur in their mapping before. */
  readonly repeated: readonly Scalar[];
  readonly error: Malformed | undefined;
}

/**
 * Reads the documents of a text, as `kubectl` does: `---` separates them, and JSON objects need no separator. Whatever
 * go-yaml reads is read here alike; some of what it refuses is read, too. Takes linear time.
 */
export function* parse(text: string): Generator<Document, void> {
  const cursor = new Cursor(normalized(text));
  for (;;) {
    const document = new DocumentParser(cursor).parse();
    if (document === undefined) return;
    yield document;
  }
}

/** Where a node may begin. */
interface Beginning {
  /** The column of the collection that the node is in, or -1. */
  parent: number;
  /** Whether a collection may begin on this line. */
  isCompact: boolean;
  /** Whether a list may have the column of the mapping that it is in. */
  mayBeLevel: boolean;
}

class DocumentParser {
  readonly #cursor: Cursor;
  readonly #inline: InlineParser;

  constructor(cursor: Cursor) {
    this.#cursor = cursor;
    this.#inline = new InlineParser(cursor);
  }

  /** Undefined if there are no more. */
  parse(): Document | undefined {
    const cursor = this.#cursor;
    let start = cursor.position;
    try {
      this.#skipDirectives();
      if (cursor.isAtEnd) return undefined;
      start = cursor.position;
      if (cursor.isAtBoundary) cursor.position += '---'.length;
      const root = this.#root();
      return { start, end: cursor.position, root, repeated: this.#inline.repeated, error: undefined };
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      cursor.skipDocument();
      return { start, end: cursor.position, root: undefined, repeated: [], error };
    }
  }

  /** Moves behind the marks of ends of documents, too. */
  #skipDirectives(): void {
    const cursor = this.#cursor;
    cursor.skip(true);
    while (
      cursor.column === 0 &&
      (cursor.character === '%' || (cursor.character === '.' && cursor.isAtBoundary))
    ) {
      cursor.skipLine();
      cursor.skip(true);
    }
  }

  #root(): Node | undefined {
    const cursor = this.#cursor;
    cursor.skip();
    if (cursor.isAtBoundary) return undefined;
    const root = this.#node({ parent: -1, isCompact: true, mayBeLevel: false });
    cursor.skip(true);
    // JSON objects may follow each other.
    const isJson = root.type === 'mapping' && root.isFlow && cursor.character === '{';
    if (!cursor.isAtBoundary && !isJson) this.#inline.refuse();
    return root;
  }

  #node(beginning: Beginning): Node {
    const cursor = this.#cursor;
    const before = cursor.position;
    const isBelow = cursor.skip();
    if (this.#isAbsent(beginning, isBelow)) return emptyAt(before, undefined);
    const first = this.#inline.properties(false);
    const behind = cursor.position;
    // Those on the line of a key are the key's; those on a line before are the collection's.
    if (first === undefined || !cursor.skip()) {
      if (first === undefined || !cursor.isAtBoundary) return this.#content(beginning, isBelow, first);
    }
    return this.#inline.anchored(first, () => {
      if (this.#isAbsent(beginning, true)) return emptyAt(behind, first.tag);
      const node = this.#content(beginning, true, this.#inline.properties(false));
      return node.type === 'scalar' && node.tag === undefined ? { ...node, tag: first.tag } : node;
    });
  }

  /** Whether what comes isn't the node that could be here. */
  #isAbsent({ parent, mayBeLevel }: Beginning, isBelow: boolean): boolean {
    const cursor = this.#cursor;
    if (cursor.isAtBoundary) return true;
    if (!isBelow || cursor.column > parent) return false;
    return !(mayBeLevel && cursor.column === parent && cursor.isIndicator('-'));
  }

  /** @param own what stands before the node, on its line */
  #content({ parent, isCompact }: Beginning, isBelow: boolean, own: Properties | undefined): Node {
    const cursor = this.#cursor;
    const inline = this.#inline;
    const column = own?.column ?? cursor.column;
    const mayBegin = isBelow || isCompact;
    if (cursor.isIndicator('-')) {
      if (!mayBegin || own !== undefined) inline.refuse('a list begins on a line of its own; move it there');
      return inline.deeper(() => this.#sequence(column));
    }
    if (cursor.isIndicator('?') && mayBegin) return inline.deeper(() => this.#mapping(column, undefined));
    if (cursor.character === '|' || cursor.character === '>')
      return inline.anchored(own, () => blockScalar(cursor, parent, own?.tag));
    const { lineStart } = cursor;
    const node = this.#keyOrValue(parent, own);
    if (!cursor.isIndicator(':')) return node;
    if (!mayBegin || lineStart !== cursor.lineStart) inline.refuse(TWO_COLONS);
    return inline.deeper(() => this.#mapping(column, node));
  }

  #sequence(column: number): Sequence {
    const cursor = this.#cursor;
    const start = cursor.position;
    const items: Node[] = [];
    let end = start;
    do {
      cursor.position += 1;
      const item = this.#node({ parent: column, isCompact: true, mayBeLevel: false });
      items.push(item);
      end = item.end;
    } while (this.#continues(column) && cursor.isIndicator('-'));
    return { type: 'sequence', items, isFlow: false, start, end };
  }

  /** @param first its first key, if the cursor is behind it already */
  #mapping(column: number, first: Node | undefined): Mapping {
    const cursor = this.#cursor;
    const start = first?.start ?? cursor.position;
    const pairs: Pair[] = [];
    let key = first;
    let end = start;
    do {
      const isExplicit = key === undefined && cursor.isIndicator('?');
      const pair = isExplicit ? this.#explicitPair(column) : this.#pair(column, key);
      pairs.push(pair);
      end = pair.value.end;
      key = undefined;
    } while (this.#continues(column));
    this.#inline.findRepeated(pairs);
    return { type: 'mapping', pairs, isFlow: false, start, end };
  }

  #pair(column: number, first: Node | undefined): Pair {
    const key = first ?? this.#key(column);
    this.#cursor.position += 1;
    return { key, value: this.#node({ parent: column, isCompact: false, mayBeLevel: true }) };
  }

  /** `? key`, and on a line of its own `: value`. */
  #explicitPair(column: number): Pair {
    const cursor = this.#cursor;
    const beginning = { parent: column, isCompact: true, mayBeLevel: true };
    cursor.position += 1;
    const key = this.#node(beginning);
    if (!this.#continues(column) || !cursor.isIndicator(':'))
      return { key, value: emptyAt(key.end, undefined) };
    cursor.position += 1;
    return { key, value: this.#node(beginning) };
  }

  #key(column: number): Node {
    const cursor = this.#cursor;
    const { lineStart } = cursor;
    const key = this.#keyOrValue(column, this.#inline.properties(false));
    if (lineStart !== cursor.lineStart) this.#inline.refuse(TWO_COLONS);
    if (!cursor.isIndicator(':')) this.#inline.refuse(NO_COLON, key.start);
    return key;
  }

  /** Moves behind it and the spaces after it. */
  #keyOrValue(parent: number, own: Properties | undefined): Node {
    const cursor = this.#cursor;
    const node = cursor.isIndicator(':')
      ? emptyAt(cursor.position, undefined)
      : this.#inline.inline(parent, own, false);
    cursor.skipSpaces();
    return node;
  }

  /** Moves to the next token, and says whether it belongs to a collection of that column. */
  #continues(column: number): boolean {
    const cursor = this.#cursor;
    cursor.skip();
    if (cursor.isAtBoundary || cursor.column < column) return false;
    if (cursor.column > column) this.#inline.refuse();
    return true;
  }
}

const NO_COLON = 'a colon and a space belong behind a key; add them, or put the value before it in quotes';
