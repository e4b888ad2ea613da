import { type ExitCode, exitCode } from '../../console/exit.ts';
import { excerpt } from '../../image/excerpt.ts';
import { printJson } from '../../json.ts';
import type { Manifest } from '../../manifest/document.ts';
import type { Lock } from '../../manifest/lock.ts';
import { nameOf } from '../../manifest/objects.ts';
import { type FunctionResult, fileOf, resourceRefOf } from '../../manifest/resource-list.ts';
import { printable } from '../../printable.ts';
import { INTERRUPTED } from './digests.ts';
import type { PinnedFile, PinnedImage } from './pinned-file.ts';

/** The problems of a file, one line each, without those that an interruption caused. */
export function problemsOf({ source, documents, mistakes, warnings, images }: PinnedFile): string[] {
  const isMany = documents > 1;
  const ofFile = mistakes.concat(warnings).map((mistake) => {
    if (!('line' in mistake)) return `${source.name}: ${mistake.message}`;
    const { line, column, document, object, field, message } = mistake;
    const parts = [
      ...(isMany ? [`document ${document}`] : []),
      ...(object === undefined ? [] : [nameOf(object)]),
      ...(field === undefined ? [] : [field]),
    ];
    return [
      `${source.name}:${line}:${column}`,
      ...(parts.length > 0 ? [parts.join(', ')] : []),
      message,
    ].join(': ');
  });
  const ofImages = images.flatMap(({ image, outcome }) =>
    outcome.result === 'failed' && outcome.label !== INTERRUPTED
      ? [`${placeOf(source.name, image, isMany)}: ${labelled(image, outcome.message)}`]
      : [],
  );
  return [...ofFile, ...ofImages].map(printable);
}

/** The kinds with what looks like images that aren't known, one line for each field. */
export function passedByIn(files: readonly PinnedFile[]): string[] {
  const fields = Map.groupBy(
    files.flatMap(({ passedBy }) => passedBy),
    ({ field }) => field,
  );
  return [...fields].map(([field, [first, ...others]]) => {
    const more = others.length === 0 ? '' : ` and ${others.length} more`;
    return printable(
      `passed by: ${first?.image}${more}, in a kind that isn't known; take it with --image-field '${field}'`,
    );
  });
}

/** The digests that `--update` changed in the lock, one line for each image. */
export function changesOf(before: Lock, now: Lock): string[] {
  return [...now].flatMap(([image, digest]) => {
    const old = before.get(image);
    return old === undefined || old === digest ? [] : [printable(`${image}: ${old} is now ${digest}`)];
  });
}

/** The images of a file that aren't pinned, one line each. */
export function findingsOf({ source, documents, images }: PinnedFile): string[] {
  const isMany = documents > 1;
  return images
    .flatMap(({ image, outcome }) =>
      outcome.result === 'unpinned'
        ? [`${placeOf(source.name, image, isMany)}: ${labelled(image, NOT_PINNED)}`]
        : [],
    )
    .map(printable);
}

const NOT_PINNED = 'not pinned';

function placeOf(
  file: string,
  { line, column, document, object, path }: PinnedImage['image'],
  isMany: boolean,
) {
  const number = isMany ? `document ${document}, ` : '';
  return `${file}:${line}:${column}: ${number}${nameOf(object)}, ${path}`;
}

/** A message that names its image exactly once. */
function labelled({ field }: PinnedImage['image'], message: string): string {
  return message.includes(`"${excerpt(field.image)}"`) ? message : `${field.image}: ${message}`;
}

/** For programs: one object. */
export function printReport(files: readonly PinnedFile[]): string {
  const images = files.flatMap(({ source, images }) =>
    images.map(({ image, outcome }) => {
      const { line, column, document, object, path, field } = image;
      return {
        file: source.name,
        line,
        column,
        document,
        resource: object,
        field: path,
        written: field.image,
        ...outcome,
      };
    }),
  );
  const told = (source: PinnedFile['source'], mistake: PinnedFile['mistakes'][number]) => {
    if (!('line' in mistake)) return { file: source.name, ...mistake };
    const { object, ...rest } = mistake;
    return { file: source.name, ...rest, resource: object };
  };
  const problems = files.flatMap(({ source, mistakes }) => mistakes.map((one) => told(source, one)));
  const warnings = files.flatMap(({ source, warnings }) => warnings.map((one) => told(source, one)));
  return printJson({ images, problems, warnings });
}

/** A function's results for its resources. */
export function resultsOf(file: PinnedFile, manifest: Manifest): FunctionResult[] {
  const ofFile = file.mistakes.map(({ message }): FunctionResult => ({ message, severity: 'error' }));
  const warnings = file.warnings.map(
    ({ message, object }): FunctionResult => ({
      message,
      severity: 'warning',
      ...(object === undefined ? {} : { resourceRef: resourceRefOf(object) }),
    }),
  );
  const ofImages = file.images.flatMap((image) => resultOf(image, manifest));
  // A file with an error isn't pinned at all.
  const isSaid = ({ severity }: FunctionResult) => file.after !== undefined || severity === 'error';
  return [...ofFile, ...warnings, ...ofImages.filter(isSaid)];
}

/** For people: the errors among results, one line each. */
export function printErrors(results: readonly FunctionResult[]): string {
  return results
    .filter(({ severity }) => severity === 'error')
    .map(({ message, resourceRef, field, file }) => {
      const of = resourceRef === undefined ? [] : [nameOf({ ...resourceRef, namespace: undefined })];
      const where = [...of, ...(field === undefined ? [] : [field.path])].join(', ');
      return `${printable([file?.path, where, message].filter(Boolean).join(': '))}\n`;
    })
    .join('');
}

function resultOf({ image, outcome }: PinnedImage, manifest: Manifest): FunctionResult[] {
  const { object, objectPointer, path, field } = image;
  const where = {
    resourceRef: resourceRefOf(object),
    field: { path, currentValue: field.image },
    ...withFile(fileOf(manifest, objectPointer)),
  };
  switch (outcome.result) {
    case 'left':
    case 'restored':
      return [];
    case 'unpinned':
      return [{ message: labelled(image, NOT_PINNED), severity: 'error', ...where }];
    case 'failed':
      return [{ message: labelled(image, outcome.message), severity: 'error', ...where }];
    case 'pinned': {
      const message = `pinned to ${outcome.image}`;
      return [
        { message, severity: 'info', ...where, field: { ...where.field, proposedValue: outcome.image } },
      ];
    }
  }
}

const withFile = (file: FunctionResult['file']) => (file === undefined ? {} : { file });

/** A sentence with the number of images with each result. */
export function summarize(files: readonly PinnedFile[], written: number): string {
  const outcomes = files.flatMap(({ images }) => images.map(({ outcome }) => outcome));
  const count = (result: string) => outcomes.filter((outcome) => outcome.result === result).length;
  const parts = [
    [count('pinned'), 'pinned'],
    [count('restored'), 'as written again'],
    [count('left'), 'left'],
    [count('failed'), 'not pinned'],
  ] as const;
  const said = parts.filter(([number]) => number > 0).map(([number, what]) => `${number} ${what}`);
  const sum = `${plural(outcomes.length, 'image')} in ${plural(files.length, 'file')}`;
  return `${[`${sum}${said.length > 0 ? ':' : ''}`, said.join(', ')].join(' ').trimEnd()}; ${plural(written, 'file')} written`;
}

const plural = (count: number, what: string) => (count === 1 ? `1 ${what}` : `${count} ${what}s`);

/** Findings are images that aren't pinned. A failure outranks them. */
export function exitCodeOf(files: readonly PinnedFile[]): ExitCode {
  if (files.some(({ after }) => after === undefined)) return exitCode.failed;
  const isOpen = files.some(({ images }) => images.some(({ outcome }) => outcome.result === 'unpinned'));
  return isOpen ? exitCode.findings : exitCode.done;
}

/** A sentence with the number of files finished before the interruption. */
export function describeInterruption(files: readonly PinnedFile[], all: number): string {
  const done = files.filter(({ after }) => after !== undefined).length;
  return `interrupted: ${done} of ${plural(all, 'file')} done`;
}
