import type { z } from 'zod';
import type { MaybeNode, ObjectName } from './objects.ts';
import { TOO_DEEP } from './yaml/inline.ts';
import { follow, stringValue } from './yaml/node.ts';
import { type Document, parse } from './yaml/parser.ts';

/** A position in a text. Both numbers count from 1. */
export interface Position {
  line: number;
  column: number;
}

/** What is wrong with a document of a manifest. */
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
  /** Why documents can't be read. */
  mistakes: readonly Mistake[];
  placeOf(offset: number): Position;
}

/**
 * Parses YAML, and so JSON, with any number of documents. Positions of nodes are in UTF-16 code units of the text.
 */
export function parseManifest(text: string): Manifest {
  const documents = [...parse(text)];
  const placeOf = placesIn(text);
  const mistakes = documents.flatMap(({ error, start, end }, index): Mistake[] => {
    if (error === undefined) return [];
    const source = text.slice(start, end);
    const isUnfilled = error.message !== TOO_DEEP && isTemplate(text, error.offset);
    const message = isUnfilled ? TEMPLATE : error.message;
    return [{ ...placeOf(error.offset), document: index + 1, object: nameIn(source), message }];
  });
  return { text, documents, mistakes, placeOf };
}

/** A text that isn't YAML, such as a Dockerfile. */
export const plainText = (text: string): Manifest => ({
  text,
  documents: [],
  mistakes: [],
  placeOf: placesIn(text),
});

/** Finds lines in a text. Its lines are found when the first place is asked for. */
function placesIn(text: string): (offset: number) => Position {
  let starts: number[] | undefined;
  return (offset) => {
    starts ??= [0, ...Array.from(text.matchAll(/\r\n|[\n\r]/g), (end) => end.index + end[0].length)];
    let [low, high] = [0, starts.length];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  };
}

/** The object in a document that can't be read, as far as its lines tell. */
function nameIn(source: string): ObjectName | undefined {
  const textOf = (key: string) => new RegExp(`^${key}: *["']?([^\\s"'#{]+)`, 'm').exec(source)?.[1];
  const kind = textOf('kind');
  if (kind === undefined) return undefined;
  const name =
    /^metadata:[^\n]*(?:\n[ #][^\n]*)*?(?:\n +|[{,] *)name: *["']?([^\s"'#{},]+)/m.exec(source)?.[1] ?? '';
  return { apiVersion: textOf('apiVersion') ?? '', kind, name, namespace: undefined };
}

/** Whether a text has a Helm placeholder. */
const isPlaceholder = (text: string) => text.includes('{{');

const TEMPLATE = 'a template was not filled in; render it first, as with helm template';

function isTemplate(text: string, offset: number): boolean {
  const start = text.lastIndexOf('\n', Math.max(offset - 1, 0)) + 1;
  const end = text.indexOf('\n', offset);
  const line = text.slice(start, end === -1 ? text.length : end);
  return isPlaceholder(line) || /^[\t ]*\{\{/m.test(text);
}

/** Why a value isn't what belongs there, by zod's issue with it, and how to write it instead. */
export function misplaced(value: MaybeNode, issue: z.core.$ZodIssue, text: string): string {
  const source = value === undefined ? '' : text.slice(value.start, value.end);
  if (isPlaceholder(source)) return TEMPLATE;
  const expected = issue.code === 'invalid_type' ? issue.expected : '';
  const isNumber = value?.type === 'scalar' && stringValue(value) === undefined && source !== '';
  if (isNumber && expected === 'string') return `${source} isn't text; put it in quotes`;
  const { what, remedy } = wants[expected] ?? { what: 'something else', remedy: 'correct it' };
  return `it is ${typeNameOf(follow(value))}, and ${what} belongs here; ${remedy}`;
}

function typeNameOf(node: MaybeNode): string {
  if (node?.type === 'mapping') return 'a mapping';
  if (node?.type === 'sequence') return 'a list';
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
