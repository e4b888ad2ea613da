import { describe, expect, test } from 'vitest';
import { parseManifest } from '../../src/manifest/document.ts';
import { findImages } from '../../src/manifest/images.ts';
import { replaceScalar, splice } from '../../src/manifest/splice.ts';
import { rules } from './pinning.ts';

const find = (name: string, text: string) => findImages(parseManifest(text), { rules, fieldSpecs: [] }, name);
const imagesIn = (name: string, text: string) =>
  find(name, text).images.map(({ path, field }) => [path, field.image]);

const compose = `x-base: &base {image: "d:1"}
services:
  web: {image: a:1, build: .}
  db:
    image: "b:1" # stays
  cache: {<<: *base}
  app: {image: "c:\${TAG}"}
`;
const workflow = `on: push
jobs:
  one:
    runs-on: ubuntu-latest
    container: node:24
    services: {db: {image: postgres:17}}
    steps:
      - uses: actions/checkout@v4
      - uses: docker://alpine:3
      - uses: "docker://alpine:4"
  two:
    container: {image: "node:25", volumes: [a:/b]}
  three: {container: "\${{ matrix.image }}"}
`;
const pipeline = `image: a:1
default: {image: {name: "b:1", entrypoint: [""]}}
test:
  services: [c:1, {name: d:1}]
  script: ["image: no:1"]
include: [{local: x}]
`;

describe('images are found in', () => {
  test.each([
    ['compose.yaml', compose, ['b:1', 'd:1']],
    ['a/docker-compose.prod.yml', compose, ['b:1', 'd:1']],
    ['.github/workflows/ci.yaml', workflow, ['node:24', 'postgres:17', 'alpine:3', 'alpine:4', 'node:25']],
    ['action.yml', 'runs: {using: docker, image: "docker://alpine:3"}\n', ['alpine:3']],
    ['.gitlab-ci.yml', pipeline, ['a:1', 'b:1', 'c:1', 'd:1']],
    ['other.yaml', compose, []],
  ])('%s', (name, text, images) => {
    const found = find(name, text);
    expect(found.mistakes).toEqual([]);
    expect(found.images.map(({ field }) => field.image).sort()).toEqual(images.sort());
  });
});

test('fields are named with their service or job', () => {
  expect(imagesIn('compose.yaml', compose)[1]).toEqual(['services.db.image', 'b:1']);
  expect(imagesIn('.github/workflows/a.yml', workflow)[2]).toEqual(['jobs.one.steps[1].uses', 'alpine:3']);
});

test('only the image is replaced, and a scheme before it stays', () => {
  const { images } = find('.github/workflows/a.yml', workflow);
  const text = splice(
    workflow,
    images.map(({ span, field }) => replaceScalar(workflow, span, `${field.image}@x`)),
  );
  expect(text).toContain('- uses: docker://alpine:3@x\n      - uses: "docker://alpine:4@x"\n');
  expect(text.replaceAll('@x', '')).toBe(workflow);
});

test('what is filled in when it runs is a warning', () => {
  expect(find('compose.yaml', compose).warnings).toMatchObject([{ field: 'services.app.image' }]);
  expect(find('.github/workflows/a.yml', workflow).warnings).toMatchObject([
    { field: 'jobs.three.container' },
  ]);
});
