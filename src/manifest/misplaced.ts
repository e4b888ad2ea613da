import { isMap, isSeq } from 'yaml';
import type { z } from 'zod';
import type { Found } from './nodes.ts';

/** What zod says of a value that is another than it should be. */
export type Issue = z.core.$ZodIssue;

/** The type that belongs there, as zod calls it. */
export const wantedBy = (issue: Issue): string => (issue.code === 'invalid_type' ? issue.expected : '');

/** What stands where something else belongs, and how to write that: `it is a mapping, and a list belongs here; …`. */
export function misplaced(node: Found, wanted: string): string {
  const is = isMap(node)
    ? 'a mapping'
    : isSeq(node)
      ? 'a list'
      : node === undefined
        ? 'missing'
        : 'a single value';
  const { what, remedy } = wants[wanted] ?? { what: 'something else', remedy: 'correct it' };
  return `it is ${is}, and ${what} belongs here; ${remedy}`;
}

const mapping = { what: 'a mapping', remedy: 'write its keys below it, each with its value' };
const wants: Readonly<Record<string, { what: string; remedy: string }>> = {
  array: { what: 'a list', remedy: 'begin each of its items with "- "' },
  object: mapping,
  record: mapping,
  string: { what: 'text', remedy: 'write it in one line' },
  boolean: { what: 'true or false', remedy: 'write one of them' },
};
