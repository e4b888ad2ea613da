import { Composer, type Document, isMap, isScalar, isSeq, LineCounter, Parser } from 'yaml';
import type { z } from 'zod';
import { follow, type MaybeNode, type ObjectName } from './objects.ts';

/** A position in a text. Both numbers count from 1. */
export interface Position {
  line: number;
  column: number;
}

/** What is wrong with a manifest or one of its documents. */
export interface Mistake extends Position {
  /** The document's number, from 1. */
  document: number;
  /** The object with the mistake, if that is known. */
  object?: ObjectName | undefined;
  /** The field with the mistake, if there is one. */
  field?: string | undefined;
  message: string;
}

/** A manifest's text and its documents, whose nodes have their positions in the text. */
export interface Manifest {
  text: string;
  documents: readonly Document[];
  /** Why it isn't YAML. If there are any, its documents aren't used. */
  mistakes: readonly Mistake[];
  placeOf(offset: number): Position;
}

/**
 * Parses YAML, and so JSON, with any number of documents. Positions of nodes are in UTF-16 code units of the text.
 */
export function parseManifest(text: string): Manifest {
  const lineCounter = new LineCounter();
  const placeOf = (offset: number) => {
    const { line, col } = lineCounter.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const parser = new ShallowParser(lineCounter.addNewLine);
  // Merge keys are from YAML 1.1, and Kubernetes accepts them.
  const composer = new Composer({ prettyErrors: false, merge: true, logLevel: 'silent' });
  const documents: Document[] = [];
  try {
    for (const document of composer.compose(parser.parse(text))) documents.push(document);
  } catch (error) {
    if (!(error instanceof TooDeep)) throw error;
    const mistake = { ...placeOf(parser.offset), document: parser.documents + 1, message: TOO_DEEP };
    return { text, documents, mistakes: [mistake], placeOf };
  }
  // Later mistakes of a document are mostly consequences of the first.
  const mistakes = documents.flatMap(({ errors: [error] }, index) =>
    error === undefined
      ? []
      : [
          {
            ...placeOf(error.pos[0]),
            document: index + 1,
            message: explain(error.message, text, error.pos[0]),
          },
        ],
  );
  return { text, documents, mistakes, placeOf };
}

/** Nested collections. Composing half as many again exhausts the stack, or takes very long. */
const DEEPEST = 500;
const TOO_DEEP = 'it is nested too deeply to be read';

class TooDeep extends Error {
  override readonly name = 'TooDeep';
}

/** A parser that stops at a text that is nested too deeply. */
class ShallowParser extends Parser {
  /** The number of documents parsed. */
  documents = 0;

  override *parse(source: string) {
    for (const token of super.parse(source)) {
      if (token.type === 'document') this.documents += 1;
      yield token;
    }
  }

  /** Called for each lexeme: wrapped in a generator, it would take as long as the rest of parsing. */
  override next(source: string) {
    if (this.stack.length > DEEPEST) throw new TooDeep();
    return super.next(source);
  }
}

/** Whether a text has a Helm placeholder. */
const isPlaceholder = (text: string) => text.includes('{{');

const TEMPLATE = 'a template was not filled in; render it first, as with helm template';

function explain(message: string, text: string, offset: number): string {
  const start = text.lastIndexOf('\n', Math.max(offset - 1, 0)) + 1;
  const end = text.indexOf('\n', offset);
  const line = text.slice(start, end === -1 ? text.length : end);
  if (isPlaceholder(line) || /^[\t ]*\{\{/m.test(text)) return TEMPLATE;
  return message.startsWith('Maximum call stack') ? TOO_DEEP : message;
}

/** Why a value isn't what belongs there, by zod's issue with it, and how to write it instead. */
export function misplaced(
  value: MaybeNode,
  issue: z.core.$ZodIssue,
  document: Document,
  text: string,
): string {
  const source = value?.range ? text.slice(value.range[0], value.range[1]) : '';
  if (isPlaceholder(source)) return TEMPLATE;
  const expected = issue.code === 'invalid_type' ? issue.expected : '';
  const isNumber = isScalar(value) && typeof value.value !== 'string' && value.value !== null;
  if (isNumber && expected === 'string') return `${source} isn't text; put it in quotes`;
  const { what, remedy } = wants[expected] ?? { what: 'something else', remedy: 'correct it' };
  return `it is ${typeNameOf(follow(document, value))}, and ${what} belongs here; ${remedy}`;
}

function typeNameOf(node: MaybeNode): string {
  if (isMap(node)) return 'a mapping';
  if (isSeq(node)) return 'a list';
  return node === undefined ? 'missing' : 'a single value';
}

const mapping = { what: 'a mapping', remedy: 'write its keys below it, each with its value' };
const wants: Readonly<Record<string, { what: string; remedy: string }>> = {
  array: { what: 'a list', remedy: 'begin each of its items with "- "' },
  object: mapping,
  record: mapping,
  string: { what: 'text', remedy: 'write it in one line' },
  boolean: { what: 'true or false', remedy: 'write one of them' },
};
