import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { configurationPage } from '../docs/generate/configuration.ts';
import { withConfigSchema } from '../docs/generate/values-schema.ts';
import { createProgram } from '../src/command-line/program.ts';
import { parseConfig } from '../src/config.ts';
import { idle } from './command-line/programs.ts';
import { configKeys } from './support/config-keys.ts';

const root = join(import.meta.dirname, '..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');

const pages = [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...globSync('docs/*.md', { cwd: root }),
];

/** Where links to a page's headings lead, as GitHub makes them. */
const anchorsOf = (page: string) =>
  [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );

test.each(pages)('the links of %s lead to files, and to headings that they have', (page) => {
  const links = [...read(page).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)];
  const broken = links.filter(([, file = '', anchor]) => {
    const target = file === '' ? page : join(dirname(page), file);
    return !existsSync(join(root, target)) || (anchor !== undefined && !anchorsOf(target).includes(anchor));
  });
  expect(broken.map(([link]) => link)).toEqual([]);
});

describe('docs/configuration.md', () => {
  const page = read('docs/configuration.md');

  test('is what `npm run docs` makes of it', () => expect(page).toBe(configurationPage(page)));

  test('says what each key means', () => {
    for (const key of configKeys()) {
      expect(page).toMatch(
        new RegExp(`^\\| \`${RegExp.escape(key)}\` \\| [^|]+ \\| [^|]* \\| \\S.* \\|$`, 'm'),
      );
    }
  });

  test('has an example that is a configuration, but for files that are not there', () => {
    const [, example = ''] = /```yaml\n(.*?)```/s.exec(page) ?? [];
    const withoutFiles = example.replace(/^.*(?:File|certificate|dockerConfig):.*\n/gm, '');
    expect(parseConfig(withoutFiles, 'example').pin.skipAnnotation).toEqual(['best-effort', 'audit']);
  });
});

test("the chart's values know the configuration as `npm run docs` writes it", () => {
  const schema = read('charts/tagpin/values.schema.json');
  expect(JSON.parse(schema)).toEqual(JSON.parse(JSON.stringify(withConfigSchema(schema))));
});

describe('the drawing', () => {
  const drawing = read('docs/how-it-works.svg');
  const [, light = '', dark = ''] =
    /<style>(.*?)@media \(prefers-color-scheme: dark\) \{(.*?)<\/style>/s.exec(drawing) ?? [];
  /** Which of the classes set which colours. */
  const colours = (style: string) =>
    [...style.matchAll(/^ *(\S+) \{(.*)\}$/gm)].flatMap(([, selector = '', rules = '']) =>
      [...rules.matchAll(/(fill|stroke): #/g)].map(([, property]) => `${selector} ${property}`),
    );

  test('has a colour in the dark wherever it has one in the light', () => {
    expect(colours(light)).not.toEqual([]);
    expect(colours(dark)).toEqual(colours(light));
  });

  test('needs nothing from elsewhere', () => {
    expect(drawing.match(/https?:[^"]*|url\((?!#)[^)]*\)|href=[^ ]*|<script|@import|@font-face/g)).toEqual([
      'http://www.w3.org/2000/svg',
    ]);
  });
});

describe('docs/command-line.md', () => {
  const commands = createProgram(idle).commands.filter(
    (command) => !['serve', 'completion', '__complete', 'version'].includes(command.name()),
  );
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const table = (headings: readonly string[], rows: readonly (readonly string[])[]) =>
    [row(headings), `|${'---|'.repeat(headings.length)}`, ...rows.map(row)].join('\n');
  const names = commands.map((command) => `\`${command.name()}\``);

  /** The options that most have come first. */
  function options(): string {
    const all = Map.groupBy(
      commands.flatMap((command) => command.options.map((option) => ({ command, option }))),
      ({ option }) => option.flags,
    );
    const rows = [...all].sort(([, a], [, b]) => b.length - a.length);
    return table(
      ['option', ...names],
      rows.map(([flags, having]) => [
        `\`${flags}\``,
        ...commands.map((command) => {
          const option = having.find((one) => one.command === command)?.option;
          if (option === undefined) return '';
          const told = option.argChoices?.join(', ') ?? option.defaultValueDescription ?? option.defaultValue;
          return told === undefined ? '✓' : String(told);
        }),
      ]),
    );
  }

  function exitCodes(): string {
    const codes = ['0', '1', '2', '3', '4'];
    return table(
      ['', ...codes],
      commands.map((command) => {
        const [, line = ''] = /^Exit codes: (.*)\.$/m.exec(helpOf(command)) ?? [];
        const told = new Map(line.split(/, (?=[0-4] )/).map((text) => [text.slice(0, 1), text.slice(2)]));
        return [`\`${command.name()}\``, ...codes.map((code) => told.get(code) ?? '')];
      }),
    );
  }

  function helpOf(command: Command): string {
    let help = '';
    command.configureOutput({
      writeOut: (text) => {
        help += text;
      },
    });
    command.outputHelp();
    return help;
  }

  test('says of every command which options and exit codes it has', async () => {
    const written = read('docs/command-line.md');
    const renewed = Object.entries({ options: options(), 'exit codes': exitCodes() }).reduce(
      (text, [name, content]) =>
        text.replace(
          new RegExp(`(<!-- ${name}: .*? -->\\n)[^]*?(<!-- /${name} -->)`),
          (_, begin: string, end: string) => `${begin}${content}\n${end}`,
        ),
      written,
    );
    await expect(renewed).toMatchFileSnapshot(join(root, 'docs/command-line.md'));
  });
});
