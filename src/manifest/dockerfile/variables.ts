import type { Instruction, Word } from './instructions.ts';

/** A build argument before the first FROM. */
interface Argument {
  /** Its default, without quotes; undefined if it has none. */
  value: Word | undefined;
}

/** An image with its variables replaced. */
export interface Expanded {
  image: string;
  /** Where the end of the image is written: in the word itself, or in the ARG that it ends with. */
  span: Word;
  /** What comes before that part, from elsewhere. */
  prefix: string;
  /** Why a digest can't be written there. */
  obstacle: string | undefined;
}

/** Why an image with variables isn't known. */
export type Unknown = { unknown: string };

const VARIABLE = /\$(?:\{([A-Za-z_][A-Za-z0-9_]*)(?:(:?-)([^{}$]*))?\}|([A-Za-z_][A-Za-z0-9_]*))/g;

/** The build arguments that FROM can use. */
export class BuildArguments {
  readonly #arguments = new Map<string, Argument>();
  /** Those that stages use, too. */
  readonly #inStages = new Set<string>();

  constructor(instructions: readonly Instruction[]) {
    const first = instructions.findIndex(({ name }) => name === 'FROM');
    for (const [index, { name, words }] of instructions.entries()) {
      if (name !== 'ARG') continue;
      for (const word of words) {
        const equals = word.text.indexOf('=');
        const key = equals === -1 ? word.text : word.text.slice(0, equals);
        if (index > first) {
          if (equals === -1) this.#inStages.add(key);
        } else this.#arguments.set(key, { value: equals === -1 ? undefined : unquoted(word, equals + 1) });
      }
    }
  }

  /** The image of a word, if the defaults of its variables tell. */
  expand(given: Word): Expanded | Unknown {
    const word = unquoted(given, 0);
    const variables = [...word.text.matchAll(VARIABLE)];
    const last = variables.at(-1);
    if (last === undefined) {
      if (word.text.includes('$')) return { unknown: INTRICATE };
      return { image: word.text, span: word, prefix: '', obstacle: undefined };
    }
    let image = '';
    let behind = 0;
    let source: { name: string; span: Word } | undefined;
    for (const found of variables) {
      const [whole, braced, , fallback, bare] = found;
      const name = braced ?? bare ?? '';
      const { value } = this.#arguments.get(name) ?? {};
      const at = word.start + found.index + whole.length - 1 - (fallback?.length ?? 0);
      const inline =
        fallback === undefined ? undefined : { text: fallback, start: at, end: at + fallback.length };
      const span = value !== undefined && value.text !== '' ? value : inline;
      if (span === undefined || span.text === '')
        return { unknown: `the build argument ${name} has no default` };
      if (span.text.includes('$')) return { unknown: INTRICATE };
      image += word.text.slice(behind, found.index) + span.text;
      behind = found.index + whole.length;
      source = { name, span };
    }
    const rest = word.text.slice(behind);
    image += rest;
    if (source === undefined) return { unknown: INTRICATE };
    const prefix = rest === '' ? image.slice(0, image.length - source.span.text.length) : '';
    const isWhole = rest === '' && prefix === '';
    // A digest in the argument would be where a stage expects the tag alone.
    const isWritable = isWhole || (rest === '' && !this.#inStages.has(source.name));
    return { image, span: source.span, prefix, obstacle: isWritable ? undefined : PUT_TOGETHER };
  }
}

const INTRICATE = 'its variables are too intricate; write the image out';
const PUT_TOGETHER = 'it is put together from build arguments; give the whole image an ARG of its own';

/** A part of a word, without quotes around it. */
function unquoted({ text, start, end }: Word, from: number): Word {
  const part = { text: text.slice(from), start: start + from, end };
  const [, inner] = /^["'](.*)["']$/s.exec(part.text) ?? [];
  return inner === undefined ? part : { text: inner, start: part.start + 1, end: part.end - 1 };
}
