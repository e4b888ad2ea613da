import { excerpt } from '../../image/excerpt.ts';
import { printJson } from '../../json.ts';
import { nameOf } from '../../manifest/objects.ts';
import { printable } from '../../printable.ts';
import { INTERRUPTED } from './digests.ts';
import type { PinnedFile } from './pinned-file.ts';

/** Something to say about a line of a file. */
interface Annotation {
  file: string;
  line: number;
  column: number;
  rule: keyof typeof rules;
  message: string;
}

const rules = {
  unpinned: { level: 'error', text: 'An image is given by tag and not by digest' },
  failed: { level: 'error', text: 'An image could not be pinned' },
  unreadable: { level: 'error', text: 'A file could not be read' },
  doubtful: { level: 'warning', text: 'Something may be read otherwise than it is meant' },
} as const;

function annotationsOf({ source, images, mistakes, warnings, passedBy }: PinnedFile): Annotation[] {
  const file = source.name;
  const ofImages = images.flatMap(({ image, outcome }): Annotation[] => {
    const { line, column, object, path, field } = image;
    const place = `${nameOf(object)}, ${path}: ${excerpt(field.image)}`;
    if (outcome.result === 'unpinned')
      return [{ file, line, column, rule: 'unpinned', message: `${place}: not pinned` }];
    const isFailed = outcome.result === 'failed' && outcome.label !== INTERRUPTED;
    return isFailed ? [{ file, line, column, rule: 'failed', message: `${place}: ${outcome.message}` }] : [];
  });
  const told = (rule: Annotation['rule']) => (mistake: PinnedFile['mistakes'][number]) => {
    const { line, column } = 'line' in mistake ? mistake : { line: 1, column: 1 };
    return { file, line, column, rule, message: mistake.message };
  };
  const unknown = passedBy.map(({ field, image }) =>
    told('doubtful')({
      message: `${image}: passed by, in a kind that isn't known; take it with --image-field '${field}'`,
    }),
  );
  return [
    ...mistakes.map(told('unreadable')),
    ...warnings.map(told('doubtful')),
    ...ofImages,
    ...unknown,
  ].map((one) => ({ ...one, message: printable(one.message) }));
}

/** Workflow commands: GitHub shows each beside its line (actions/toolkit, packages/core/src/command.ts). */
export function printGitHub(files: readonly PinnedFile[]): string {
  return files
    .flatMap(annotationsOf)
    .map(({ file, line, column, rule, message }) => {
      const { level } = rules[rule];
      return `::${level} file=${property(file)},line=${line},col=${column},title=tagpin::${data(message)}\n`;
    })
    .join('');
}

const data = (text: string) => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
const property = (text: string) => data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');

/** SARIF 2.1.0, for code scanning. */
export function printSarif(files: readonly PinnedFile[]): string {
  const results = files.flatMap(annotationsOf).map(({ file, line, column, rule, message }) => ({
    ruleId: rule,
    level: rules[rule].level,
    message: { text: message },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: encodeURI(file.replaceAll('\\', '/').replace(/^\.\//, '')) },
          region: { startLine: line, startColumn: column },
        },
      },
    ],
  }));
  const driver = {
    name: 'tagpin',
    informationUri: 'https://github.com/tagpin/tagpin',
    rules: Object.entries(rules).map(([id, { text }]) => ({ id, shortDescription: { text } })),
  };
  const $schema = 'https://json.schemastore.org/sarif-2.1.0.json';
  return printJson({ $schema, version: '2.1.0', runs: [{ tool: { driver }, results }] });
}
