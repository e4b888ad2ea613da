import { decide } from '../../pin/decide.ts';
import type { Manifest } from '../document.ts';
import type { FindOptions, Found, ManifestImage } from '../images.ts';
import { type Instruction, parseDockerfile, type Word } from './instructions.ts';
import { BuildArguments } from './variables.ts';

/** Files that are a Dockerfile by their name. */
export const isDockerfile = (name: string) =>
  /(^|[/\\])((Dockerfile|Containerfile)(\.[^/\\]*)?|[^/\\]*\.(dockerfile|containerfile))$/i.test(name);

/** A place with an image, or with the name of a stage. */
interface Place {
  word: Word;
  /** How messages call it. */
  path: string;
  stage: string | undefined;
  /** The stages that it can name, in lower case. */
  stages: ReadonlySet<string>;
}

/**
 * Finds the images of a Dockerfile: of `FROM`, `COPY --from`, `RUN --mount=from=` and `# syntax=`, with the defaults of
 * build arguments (BuildKit frontend/dockerfile/dockerfile2llb/convert.go).
 */
export function findInDockerfile(manifest: Manifest, { rules }: FindOptions): Found {
  const { text, placeOf } = manifest;
  const { syntax, instructions } = parseDockerfile(text);
  const build = new BuildArguments(instructions);
  const found: Found = { images: [], mistakes: [], warnings: [], passedBy: [] };
  const places = placesIn(instructions);
  const own =
    syntax === undefined
      ? []
      : [{ word: syntax, path: 'syntax', stage: undefined, stages: new Set<string>() }];
  for (const { word, path, stage, stages } of [...own, ...places]) {
    const object = {
      apiVersion: '',
      kind: stage === undefined ? 'Dockerfile' : 'stage',
      name: stage ?? '',
      namespace: undefined,
    };
    const at = { document: 1, object, ...placeOf(word.start) };
    const expanded = build.expand(word);
    if ('unknown' in expanded) {
      found.warnings.push({ ...at, field: path, message: `${word.text}: ${expanded.unknown}` });
      continue;
    }
    const { image, span, prefix, obstacle } = expanded;
    if (image === 'scratch' || stages.has(image.toLowerCase()) || /^\d+$/.test(image)) continue;
    if (isBroken(word) || isBroken(span)) {
      found.mistakes.push({
        ...at,
        field: path,
        message: `${image}: it goes on in the next line; write it in one`,
      });
      continue;
    }
    const pod = { metadata: {}, spec: { containers: [{ name: stage ?? '', image }] } };
    const [decided] = decide(pod, rules);
    if (decided === undefined) continue;
    found.images.push({
      ...decided,
      ...placeOf(span.start),
      document: 1,
      object,
      objectPointer: '',
      path,
      span: { start: span.start, end: span.end, value: span.text },
      policy: undefined,
      prefix,
      obstacle,
    });
  }
  return { ...found, images: withoutContradictions(found.images) };
}

/** One default may be the end of several images, but then it can't get the digest of each. */
function withoutContradictions(images: readonly ManifestImage[]): ManifestImage[] {
  const byPlace = Map.groupBy(images, ({ span }) => span.start);
  return images.map((image) => {
    const sharing = byPlace.get(image.span.start) ?? [];
    const isAlone = sharing.every(({ field }) => field.image === image.field.image);
    return isAlone ? image : { ...image, obstacle: SHARED };
  });
}

const SHARED = 'its build argument is part of another image, too; give each image an ARG of its own';

/** Whether a word goes on in another line. */
const isBroken = ({ text, start, end }: Word) => end - start !== text.length;

function placesIn(instructions: readonly Instruction[]): Place[] {
  const names = instructions.flatMap(({ name, words }) => (name === 'FROM' ? [stageName(words)] : []));
  const all = new Set(names.flatMap((name) => (name === undefined ? [] : [name.toLowerCase()])));
  const before = new Set<string>();
  const places: Place[] = [];
  let number = -1;
  for (const { name, words } of instructions) {
    if (name === 'FROM') {
      number += 1;
      const stage = names[number] ?? `${number}`;
      const word = words.find(({ text }) => !text.startsWith('--'));
      if (word !== undefined) places.push({ word, path: 'FROM', stage, stages: new Set(before) });
      before.add(stage.toLowerCase());
    }
    const stage = names[number] ?? `${number}`;
    if (name === 'COPY' || name === 'RUN') {
      for (const word of flagsOf(words).flatMap((flag) => fromOf(name, flag)))
        places.push({ word, path: name === 'COPY' ? 'COPY --from' : 'RUN --mount', stage, stages: all });
    }
  }
  return places;
}

/** The name in `FROM image AS name`. */
function stageName(words: readonly Word[]): string | undefined {
  const [, as, name] = words.filter(({ text }) => !text.startsWith('--'));
  return as?.text.toUpperCase() === 'AS' ? name?.text : undefined;
}

/** The flags before an instruction's arguments. */
function flagsOf(words: readonly Word[]): readonly Word[] {
  const end = words.findIndex(({ text }) => !text.startsWith('--'));
  return end === -1 ? words : words.slice(0, end);
}

/** The image or stage in `--from=…`, or in `--mount=type=bind,from=…`. */
function fromOf(instruction: 'COPY' | 'RUN', { text, start, end }: Word): Word[] {
  const pattern = instruction === 'COPY' ? /^--from=(.+)$/ : /^--mount=(?:.*,)?"?from=([^,"]+)/;
  const [whole, value] = pattern.exec(text) ?? [];
  if (whole === undefined || value === undefined) return [];
  const from = start + whole.length - value.length;
  const isWhole = end - start === text.length;
  return [{ text: value, start: from, end: isWhole ? from + value.length : end }];
}
