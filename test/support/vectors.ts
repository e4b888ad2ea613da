import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';

/** Defines the tests of one section of a vector file; called only if the file has that section. */
export type Section = (content: unknown, name: string) => void;

const ROOT = join(import.meta.dirname, '../..');
const FOLDER = process.env['TAGPIN_VECTORS'] ?? join(ROOT, 'test/vectors');

/**
 * Tests a vector file, section by section. An undeclared section fails, so that no case is silently ignored; a missing
 * section or file is fine.
 */
export function vectors(file: string, sections: Record<string, Section>): void {
  const path = join(FOLDER, file);
  const content: unknown = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {};
  describe(file, () => group({ about: prose, ...sections })(content, file));
}

/**
 * Runs each case of a section (a list, or an object with `cases`) as a separate test. A case that doesn't match the schema
 * fails.
 */
export function cases<Case>(
  schema: z.ZodType<Case>,
  title: (value: Case) => string,
  run: (value: Case) => void | Promise<void>,
): Section {
  return (content) => {
    const titles = new Map<string, number>();
    toList(content).forEach((raw, index) => {
      const parsed = schema.safeParse(raw);
      const name = parsed.success ? title(parsed.data) : `case ${index}`;
      const count = (titles.get(name) ?? 0) + 1;
      titles.set(name, count);
      test(count === 1 ? name : `${name} (${count})`, async () => {
        if (!parsed.success) throw new Error(`not such a case: ${z.prettifyError(parsed.error)}`);
        await run(parsed.data);
      });
    });
  };
}

/** Runs one test on a section as a whole. */
export function whole<Content>(
  schema: z.ZodType<Content>,
  run: (content: Content) => void | Promise<void>,
): Section {
  return (content) => test('holds', () => run(schema.parse(content)));
}

/** A section that consists of sections. */
export function group(sections: Record<string, Section>): Section {
  return (content) => {
    const present = Object.entries(z.record(z.string(), z.unknown()).parse(content));
    test('has only sections known here', () => {
      const unknown = present.map(([name]) => name).filter((name) => !Object.hasOwn(sections, name));
      expect(unknown, `sections without a declaration in this test; known: ${Object.keys(sections)}`).toEqual(
        [],
      );
    });
    for (const [name, part] of present) {
      const section = sections[name];
      if (section !== undefined && section !== prose) describe(name, () => section(part, name));
    }
  };
}

/** A section for people to read. */
export const prose: Section = () => {};

/** A section about how other tools behave, and why tagpin differs. */
export function notApplied(reason: string): Section {
  return () => test(`isn't applied: ${reason}`, () => {});
}

/** A section that another test file runs, which must at least mention it. */
export function testedIn(file: string): Section {
  return (_, name) => {
    test(`is tested in ${file}`, () => expect(readFileSync(join(ROOT, file), 'utf8')).toContain(name));
  };
}

function toList(content: unknown): unknown[] {
  const list = z.array(z.unknown());
  return z.union([list, z.object({ cases: list }).transform((section) => section.cases)]).parse(content);
}
