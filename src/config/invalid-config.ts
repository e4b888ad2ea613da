import type { z } from 'zod';
import { excerpt } from '../image/excerpt.ts';
import { keyPath } from './key-path.ts';

/** Thrown for a configuration with mistakes, of which it lists all, each with its key; or for one that can't be read. */
export class InvalidConfig extends Error {
  override readonly name = 'InvalidConfig';
  readonly problems: readonly string[];

  constructor(file: string, problems: readonly string[], message = listed(file, problems)) {
    super(message);
    this.problems = problems;
  }

  static unreadable(path: string, why: string): InvalidConfig {
    const problem = `it can't be read: ${why}`;
    return new InvalidConfig(
      path,
      [problem],
      `configuration ${path} can't be read: ${why}; correct the path`,
    );
  }
}

/** Collects the mistakes of several sources, so that all of them are reported at once. */
export class Mistakes {
  readonly #found: InvalidConfig[] = [];

  /** What `read` returns; undefined if it throws an {@link InvalidConfig}, which is kept. */
  collect<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof InvalidConfig)) throw error;
      this.#found.push(error);
      return undefined;
    }
  }

  /** @throws InvalidConfig with the mistakes of all sources, if there are any */
  throwIfAny(): void {
    const [first, ...rest] = this.#found;
    if (first === undefined) return;
    if (rest.length === 0) throw first;
    const problems = this.#found.flatMap((mistake) => mistake.problems);
    throw new InvalidConfig('', problems, this.#found.map(({ message }) => message).join('\n'));
  }
}

const listed = (file: string, problems: readonly string[]) =>
  `${file} is not a valid configuration:\n${problems.map((problem) => `  ${problem}`).join('\n')}`;

/** Text that needs no quotes in a message. */
const PLAIN = /^[^\s"'{}[\],#&|>%`]+$/;
/** The user part of a URL, which may hold a password. */
const USER = /\/\/[^/@\s]*@/g;

/** A value as messages show it; empty if it is missing or can't be shown. */
function shown(value: unknown): string {
  if (typeof value === 'string') {
    const text = excerpt(value.replace(USER, '//…@'));
    return PLAIN.test(text) ? text : `"${text}"`;
  }
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

/** A problem at a key: `webhook.port: 99999: write a port number from 1 to 65535`. */
export function problem(path: readonly PropertyKey[], value: unknown, remedy: string): string {
  const where = keyPath(path) || 'the file';
  // A remedy for a file or folder already names it, or something in it.
  const isNamed = typeof value === 'string' && value.includes('/') && remedy.includes(value);
  const text = isNamed ? '' : shown(value);
  return text === '' ? `${where}: ${remedy}` : `${where}: ${text}: ${remedy}`;
}

/** The problems that zod found in a document, in tagpin's words. */
export function problemsIn(issues: readonly z.core.$ZodIssue[], document: unknown): string[] {
  return issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => problem([...issue.path, key], undefined, NO_SUCH_KEY))
      : [problem(issue.path, valueAt(document, issue.path), issue.message)],
  );
}

const NO_SUCH_KEY = 'no such key; remove it or correct its name';

function valueAt(document: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined),
    document,
  );
}

/** The remedy for an issue whose schema has none of its own: zod's parameter `error`. */
export const remedyOf: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case 'invalid_type':
      return remedies[issue.expected] ?? `write ${issue.expected}`;
    case 'invalid_value':
      return `write ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.join(', ')}`;
    case 'too_small':
      return `write at least ${issue.minimum === 1 ? 'one' : issue.minimum}`;
    case 'invalid_key':
      return issue.issues[0]?.message;
    default:
      return undefined;
  }
};

const remedies: Readonly<Record<string, string>> = {
  boolean: 'write true or false',
  string: 'write text; in quotes, if it looks like something else',
  array: 'write a list, such as [a, b]',
  object: 'write a mapping, with the keys that it has below it',
  record: 'write a mapping, with the keys that it has below it',
};
