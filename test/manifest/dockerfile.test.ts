import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findInDockerfile, isDockerfile } from '../../src/manifest/dockerfile/images.ts';
import { plainText } from '../../src/manifest/document.ts';
import { rules } from './pinning.ts';

const find = (text: string) => findInDockerfile(plainText(text), { rules, fieldSpecs: [] });
const imagesIn = (text: string) => find(text).images.map(({ path, field }) => [path, field.image]);
/** The part of the text that is replaced for each image. */
const written = (text: string) => find(text).images.map(({ span }) => text.slice(span.start, span.end));

describe('the images of a Dockerfile are those of', () => {
  test.each([
    ['FROM', 'FROM node:24\n', [['FROM', 'node:24']]],
    [
      'FROM in any case, with a platform and a name',
      'from --platform=$BUILDPLATFORM node:24 as Build\n',
      [['FROM', 'node:24']],
    ],
    ['stages, and not their names', 'FROM a:1 AS Base\nFROM base AS next\nFROM NEXT\n', [['FROM', 'a:1']]],
    [
      'COPY --from, and not stages',
      'FROM a:1 AS x\nFROM b:1\nCOPY --from=x / /\nCOPY --from=0 / /\nCOPY --chown=1 --from=c:1 / /\n',
      [
        ['FROM', 'a:1'],
        ['FROM', 'b:1'],
        ['COPY --from', 'c:1'],
      ],
    ],
    [
      'RUN --mount',
      'FROM a:1\nRUN --mount=type=bind,from=c:1,target=/c --mount=from=d:1,type=cache make\n',
      [
        ['FROM', 'a:1'],
        ['RUN --mount', 'c:1'],
        ['RUN --mount', 'd:1'],
      ],
    ],
    [
      'ONBUILD',
      'FROM a:1\nONBUILD COPY --from=b:1 / /\n',
      [
        ['FROM', 'a:1'],
        ['COPY --from', 'b:1'],
      ],
    ],
    [
      '# syntax',
      '# check=skip=all\n#Syntax = docker/dockerfile:1 \nFROM a:1\n',
      [
        ['syntax', 'docker/dockerfile:1'],
        ['FROM', 'a:1'],
      ],
    ],
    ['no directive behind an empty line', '\n# syntax=docker/dockerfile:1\nFROM a:1\n', [['FROM', 'a:1']]],
    ['all but scratch', 'FROM scratch\nCOPY --from=a:1 / /\n', [['COPY --from', 'a:1']]],
    [
      'lines that are continued, with comments between',
      'FROM \\\n# a comment\n\n  --platform=linux/amd64 \\\n  a:1 AS x\nCOPY \\\n  --from=b:1 / /\n',
      [
        ['FROM', 'a:1'],
        ['COPY --from', 'b:1'],
      ],
    ],
    [
      'lines with another escape',
      '# escape=`\nFROM `\n a:1\nRUN dir C:\\\nFROM b:1\n',
      [
        ['FROM', 'a:1'],
        ['FROM', 'b:1'],
      ],
    ],
    [
      'lines with CR and LF',
      'FROM \\\r\n a:1\r\nFROM b:1\r\n',
      [
        ['FROM', 'a:1'],
        ['FROM', 'b:1'],
      ],
    ],
    [
      'what comes behind a heredoc, and not what is in it',
      'FROM a:1\nRUN <<EOF cat\nFROM no:1\nEOF\nCOPY <<-"E 2" <<-END /x\nFROM no:2\n\tEND\nFROM b:1\n',
      [
        ['FROM', 'a:1'],
        ['FROM', 'b:1'],
      ],
    ],
    [
      'what comes behind << in quotes',
      'FROM a:1\nRUN echo "x <<EOF" 1<<2\nFROM b:1\n',
      [
        ['FROM', 'a:1'],
        ['FROM', 'b:1'],
      ],
    ],
    [
      'what comes behind a heredoc that nothing ends',
      'FROM a:1\nRUN x <<EOF\nFROM b:1\n',
      [
        ['FROM', 'a:1'],
        ['FROM', 'b:1'],
      ],
    ],
    ['comments, not', '# FROM no:1\n  # FROM no:2\nFROM a:1 \n', [['FROM', 'a:1']]],
    ['a file with a byte order mark', '\uFEFFFROM a:1\n', [['FROM', 'a:1']]],
    ['quotes', 'FROM "a:1"\n', [['FROM', 'a:1']]],
  ])('%s', (_what, text, images) => {
    expect(imagesIn(text)).toEqual(images);
    expect(written(text)).toEqual(images.map(([, image]) => image));
    expect(find(text)).toMatchObject({ mistakes: [], warnings: [] });
  });
});

describe('a build argument before FROM', () => {
  test.each([
    ['that is the image', `ARG BASE=a:1\nFROM \${BASE}\n`, 'a:1', 'a:1'],
    ['that is the image, and used in a stage', 'ARG BASE="a:1"\nFROM $BASE\nARG BASE\n', 'a:1', 'a:1'],
    ['that is its tag', `ARG V=1\nFROM x/a:\${V}\n`, 'x/a:1', '1'],
    ['with a default where it is used', `ARG V\nFROM \${V:-a:1}\n`, 'a:1', 'a:1'],
    ['among others in one line', 'ARG A=b V=1\nFROM x/$A:$V\n', 'x/b:1', '1'],
  ])('%s, gets the digest', (_what, text, image, span) => {
    expect([imagesIn(text), written(text)]).toEqual([[['FROM', image]], [span]]);
    expect(find(text).images[0]?.obstacle).toBeUndefined();
  });

  test.each([
    ['with text behind it', `ARG V=1\nFROM a:\${V}-slim\n`, 'a:1-slim'],
    ['that is a tag, and used in a stage', 'ARG V=1\nFROM a:$V\nARG V\nRUN install $V\n', 'a:1'],
    ['that is the tag of two images', 'ARG V=1\nFROM a:$V\nFROM b:$V\n', 'a:1'],
  ])('%s, gets none, and says why', (_what, text, image) => {
    const [found] = find(text).images;
    expect([found?.field.image, found?.obstacle]).toEqual([
      image,
      expect.stringContaining('an ARG of its own'),
    ]);
  });

  test('without a default is a warning', () => {
    const { images, warnings } = find('ARG V\nFROM a:$V\n');
    expect(images).toEqual([]);
    expect(warnings).toMatchObject([
      { line: 2, column: 6, message: 'a:$V: the build argument V has no default' },
    ]);
  });

  test('may be the name of a stage', () => {
    expect(imagesIn(`ARG S=x\nFROM a:1 AS x\nFROM \${S}\n`)).toEqual([['FROM', 'a:1']]);
  });
});

test('an image that goes on in another line is a mistake', () => {
  expect(find('FROM regis\\\ntry/a:1\n').mistakes).toMatchObject([
    { line: 1, message: expect.stringContaining('write it in one') },
  ]);
});

test("tagpin's own Dockerfile has its two bases", () => {
  const text = readFileSync(join(import.meta.dirname, '../../Dockerfile'), 'utf8');
  expect(find(text)).toMatchObject({ mistakes: [], warnings: [] });
  expect(written(text)).toEqual(['node:26-slim', 'gcr.io/distroless/nodejs26-debian13:nonroot']);
  expect(find(text).images.map(({ obstacle }) => obstacle)).toEqual([undefined, undefined]);
});

test.each([
  ['Dockerfile', true],
  ['app/Containerfile', true],
  ['Dockerfile.dev', true],
  ['app.dockerfile', true],
  ['docker-compose.yaml', false],
  ['Dockerfiles/a.yaml', false],
])('a Dockerfile by its name: %s', (name, is) => expect(isDockerfile(name)).toBe(is));
