/** A line on each side, with sdiff's mark: `|` changed, `<` only left, `>` only right. */
export interface Row {
  readonly left: string;
  readonly right: string;
  readonly mark: ' ' | '|' | '<' | '>';
}

export interface Column {
  readonly title: string;
  readonly lines: readonly string[];
}

export interface Layout {
  /** The maximum width of a row; longer text is cut, with an ellipsis. */
  readonly width: number;
  /** Colours a changed line. */
  readonly changed: (text: string) => string;
}

const GUTTER = 3;

/** Two texts in two columns, equal lines beside each other. */
export function sideBySide(left: Column, right: Column, { width, changed }: Layout): string[] {
  const rows: Row[] = [
    { left: left.title, right: right.title, mark: ' ' },
    ...align(left.lines, right.lines),
  ];
  const room = width - GUTTER;
  const longestLeft = longest(rows.map((row) => row.left));
  const longestRight = longest(rows.map((row) => row.right));
  // the left column gets the width it needs, unless the right one then has too little: then each gets half
  const leftWidth = Math.min(longestLeft, Math.max(room - longestRight, Math.floor(room / 2)));
  return rows.map((row) => {
    const paint = row.mark === ' ' ? (text: string) => text : changed;
    const first = cut(row.left, leftWidth);
    const second = cut(row.right, room - leftWidth);
    const gap = ' '.repeat(leftWidth - first.length);
    return `${painted(first, paint)}${gap} ${row.mark} ${painted(second, paint)}`.trimEnd();
  });
}

/** Pairs equal lines with each other, and between them those that were changed, removed or added. */
export function align(left: readonly string[], right: readonly string[]): Row[] {
  const rows: Row[] = [];
  let gone: string[] = [];
  let come: string[] = [];
  const pairUp = () => {
    for (let index = 0; index < Math.max(gone.length, come.length); index++) {
      const [before, after] = [gone[index], come[index]];
      const mark = before === undefined ? '>' : after === undefined ? '<' : '|';
      rows.push({ left: before ?? '', right: after ?? '', mark });
    }
    gone = [];
    come = [];
  };
  const common = commonLines(left, right);
  for (let [i, j] = [0, 0]; i < left.length || j < right.length; ) {
    const [before, after] = [left[i], right[j]];
    if (before !== undefined && before === after) {
      pairUp();
      rows.push({ left: before, right: after, mark: ' ' });
      i += 1;
      j += 1;
    } else if (before !== undefined && (after === undefined || common(i + 1, j) >= common(i, j + 1))) {
      gone.push(before);
      i += 1;
    } else {
      come.push(after ?? '');
      j += 1;
    }
  }
  pairUp();
  return rows;
}

/** The length of the longest common subsequence of the two, from line `i` and line `j` on. */
function commonLines(left: readonly string[], right: readonly string[]): (i: number, j: number) => number {
  const lengths = left.map(() => right.map(() => 0));
  const from = (i: number, j: number) => lengths[i]?.[j] ?? 0;
  for (const [i, row] of [...lengths.entries()].reverse()) {
    for (const j of [...row.keys()].reverse()) {
      row[j] = left[i] === right[j] ? from(i + 1, j + 1) + 1 : Math.max(from(i + 1, j), from(i, j + 1));
    }
  }
  return from;
}

const longest = (lines: readonly string[]) => Math.max(0, ...lines.map((line) => line.length));

const cut = (text: string, width: number) => (text.length <= width ? text : `${text.slice(0, width - 1)}…`);

/** Colours the text without its indentation. */
function painted(text: string, paint: (text: string) => string): string {
  const content = text.trimStart();
  return content === '' ? text : text.slice(0, text.length - content.length) + paint(content);
}
