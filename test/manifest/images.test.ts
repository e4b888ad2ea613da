import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { parseManifest } from '../../src/manifest/document.ts';
import { InvalidFieldSpec, parseFieldSpec, readFieldSpecs } from '../../src/manifest/field-spec.ts';
import { podSpecPointers } from '../../src/pin/pod-template.ts';
import { cpuMilliseconds } from '../support/cpu-time.ts';
import { digestOf, find, imagesIn, pinText, podWith } from './pinning.ts';

const apiVersions: Record<string, string> = {
  Pod: 'v1',
  PodTemplate: 'v1',
  ReplicationController: 'v1',
  Job: 'batch/v1',
  CronJob: 'batch/v1',
};

/** An object of a kind that has such a pod spec where that kind has it. */
function objectOf(kind: string, pointer: string, spec: unknown) {
  const content = pointer
    .split('/')
    .slice(1)
    .reduceRight<unknown>((inner, key) => ({ [key]: inner }), spec);
  return { apiVersion: apiVersions[kind] ?? 'apps/v1', kind, ...Object(content) };
}

test.each(Object.entries(podSpecPointers))('finds the images of every place in a %s', (kind, pointer) => {
  const spec = {
    volumes: [{ name: 'v', image: { reference: 'volume:1' } }],
    initContainers: [{ name: 'i', image: 'init:1' }],
    containers: [{ name: 'c', image: 'main:1' }],
    ephemeralContainers: [{ name: 'e', image: 'debug:1' }],
  };
  const at = pointer.slice(1).replaceAll('/', '.');
  expect(imagesIn(stringify(objectOf(kind, pointer, spec)))).toEqual([
    [`${at}.volumes[0].image.reference`, 'volume:1'],
    [`${at}.initContainers[0].image`, 'init:1'],
    [`${at}.containers[0].image`, 'main:1'],
    [`${at}.ephemeralContainers[0].image`, 'debug:1'],
  ]);
});

describe('objects are found', () => {
  const pod = objectOf('Pod', '/spec', { containers: [{ name: 'c', image: 'a:1' }] });
  const where = (text: string) =>
    find(text).images.map(({ document, objectPointer, line }) => [document, objectPointer, line]);

  test('in each document', () => {
    expect(where(`${stringify(pod)}---\n# nothing\n---\n${stringify(pod)}`)).toEqual([
      [1, '', 6],
      [3, '', 15],
    ]);
  });

  test('in lists, and in lists of lists', () => {
    const list = (...items: unknown[]) => ({ apiVersion: 'v1', kind: 'List', items });
    expect(where(stringify(list(pod, list(pod)))).map(([, pointer]) => pointer)).toEqual([
      '/items/0',
      '/items/1/items/0',
    ]);
  });

  test('in a typed list, whose items say nothing of what they are', () => {
    const { spec } = pod;
    expect(imagesIn(stringify({ apiVersion: 'v1', kind: 'PodList', items: [{ spec }] }))).toHaveLength(1);
  });

  test('in JSON with tabs', () => {
    expect(imagesIn(JSON.stringify(pod, undefined, '\t'))).toHaveLength(1);
  });
});

test('images come in the order they are written in', () => {
  const text = podWith(
    '  - {name: a, image: a:1}\n  - {name: b, image: b:1}\n  initContainers: [{image: i:1}]\n',
  );
  expect(find(text).images.map(({ line, field }) => [line, field.image])).toEqual([
    [5, 'a:1'],
    [6, 'b:1'],
    [7, 'i:1'],
  ]);
});

describe('what has no images passes by', () => {
  test.each([
    ['another kind', { apiVersion: 'v1', kind: 'ConfigMap', spec: { containers: [{ image: 'a:1' }] } }],
    [
      'a kind of another group that has the name of one',
      objectOf('Job', '/spec/template/spec', { containers: [{ image: 'a:1' }] }),
    ],
    ['what is no object', ['a:1']],
    [
      'a patch without images',
      objectOf('Deployment', '/spec/template/spec', { containers: [{ name: 'c' }] }),
    ],
    ['nothing', undefined],
  ])('%s', (_what, content) => {
    const text = stringify(content ?? null).replace('batch/v1', 'batch.volcano.sh/v1alpha1');
    expect(find(text)).toMatchObject({ images: [], mistakes: [], warnings: [] });
  });
});

describe('an alias', () => {
  test('is pinned once, at its anchor', () => {
    const text = `x: &image nginx:1.27\n${podWith('  - {name: a, image: *image}\n  - {name: b, image: *image}\n')}`;
    expect(pinText(text)).toBe(text.replace('nginx:1.27', `nginx@${digestOf('nginx:1.27')}`));
  });

  test('is named where it stands', () => {
    const text = `x: &image nginx:1.27\n${podWith('  - name: a\n    image: *image\n')}`;
    expect(find(text).images).toMatchObject([{ line: 7, column: 12, span: { start: 10 } }]);
  });

  test('of a whole template leads to the images there', () => {
    const template =
      'apiVersion: apps/v1\nkind: Deployment\nspec:\n  template: &t\n    spec: {containers: [{image: a:1}]}\n';
    expect(pinText(`${template}  other: *t\n`)).toBe(
      `${template.replace('a:1', `a@${digestOf('a:1')}`)}  other: *t\n`,
    );
  });

  test('that leads nowhere is a mistake of the manifest', () => {
    expect(find(podWith('  - image: *nowhere\n')).mistakes).toMatchObject([
      { line: 5, document: 1, message: 'nothing has the anchor &nowhere; write the value out' },
    ]);
  });

  test('of aliases of aliases is refused before it grows', () => {
    const levels = Array.from({ length: 12 }, (_, level) =>
      level === 0 ? 'l0: &l0 [x, x]' : `l${level}: &l${level} [${`*l${level - 1}, `.repeat(9)}]`,
    );
    const text = `${levels.join('\n')}\n${podWith('  - {name: a, image: a:1, args: *l11}\n')}`;
    expect(find(text).mistakes).toMatchObject([{ message: expect.stringContaining('alias') }]);
  });
});

describe('merge keys', () => {
  const base = 'x: &base\n  image: nginx:1.27\n  imagePullPolicy: Always\n';

  test('bring their image, which is pinned where it is written', () => {
    const text = base + podWith('  - <<: *base\n    name: a\n');
    expect(pinText(text)).toBe(text.replace('nginx:1.27', `nginx@${digestOf('nginx:1.27')}`));
  });

  test("give way to a container's own image", () => {
    const text = base + podWith('  - <<: *base\n    image: own:1\n');
    expect(pinText(text)).toBe(text.replace('own:1', `own@${digestOf('own:1')}`));
  });

  test('of several maps count in their order', () => {
    const text = `${base}y: &other {image: other:1}\n${podWith('  - <<: [*other, *base]\n')}`;
    expect(pinText(text)).toBe(text.replace('other:1', `other@${digestOf('other:1')}`));
  });

  test('bring their pull policy too, which is replaced where it is written', () => {
    const text = base + podWith('  - <<: *base\n');
    expect(pinText(text, { pullPolicy: true })).toContain('  imagePullPolicy: IfNotPresent\n');
  });

  test('that lead back to themselves end', () => {
    const text = podWith('  - &self\n    <<: *self\n    image: a:1\n');
    expect(find(text).mistakes).toMatchObject([{ message: 'an alias leads back to itself' }]);
  });
});

describe('images of custom resources', () => {
  const fleet = stringify({
    apiVersion: 'example.com/v1alpha1',
    kind: 'Fleet',
    metadata: { name: 'web' },
    spec: {
      template: { spec: { containers: [{ name: 'c', image: 'a:1' }], initContainers: [{ image: 'i:1' }] } },
    },
  });

  test.each([
    ['an image', 'spec/template/spec/containers[]/image', 1],
    ['an image, the list not marked as one', 'spec/template/spec/containers/image', 1],
    ['a pod spec with all its images', 'spec/template/spec', 2],
    ['nothing', 'spec/image', 0],
  ])('are found by a path to %s', (_what, path, count) => {
    expect(imagesIn(fleet, [{ path, kind: 'Fleet', group: 'example.com' }])).toHaveLength(count);
  });

  test.each([
    ['kind', { kind: 'Deployment' }],
    ['group', { group: 'apps' }],
    ['version', { version: 'v1' }],
  ])('are not found by a path of another %s', (_what, spec) => {
    expect(imagesIn(fleet, [{ path: 'spec/template/spec', ...spec }])).toEqual([]);
  });

  test('are found once, however many paths lead there', () => {
    const paths = ['spec/template/spec', 'spec/template/spec/containers[]/image'];
    expect(
      imagesIn(
        fleet,
        paths.map((path) => ({ path })),
      ),
    ).toHaveLength(2);
  });

  test('are found below a key with a slash', () => {
    const text = 'apiVersion: example.com/v1\nkind: App\nimages: {example.com/web: a:1}\n';
    expect(imagesIn(text, [{ path: 'images/example.com\\/web' }])).toEqual([
      ['images["example.com/web"]', 'a:1'],
    ]);
  });

  test('are skipped by the annotation of their object, as those of pods are', () => {
    const text =
      'apiVersion: example.com/v1\nkind: App\nmetadata: {annotations: {tagpin.dev/skip: "*"}}\nimage: a:1\n';
    expect(find(text, [{ path: 'image' }]).images[0]?.decision).toEqual({
      action: 'leave',
      reason: 'skipped',
    });
  });

  test('are written on the command line as Kind.group:path', () => {
    expect(parseFieldSpec('Fleet.example.com:spec/x')).toEqual({
      kind: 'Fleet',
      group: 'example.com',
      path: 'spec/x',
    });
    expect(parseFieldSpec('App:image')).toEqual({ kind: 'App', group: undefined, path: 'image' });
    expect(() => parseFieldSpec('spec/image')).toThrow(InvalidFieldSpec);
  });

  test("are read from a kustomize configuration, whose other parts don't matter", () => {
    const text = 'nameReference: []\nimages:\n- {path: spec/image, kind: App, create: true}\n';
    expect(readFieldSpecs(text)).toEqual([{ path: 'spec/image', kind: 'App' }]);
    expect(() => readFieldSpecs('images: {path: x}')).toThrow(InvalidFieldSpec);
    expect(() => readFieldSpecs('images: [')).toThrow(InvalidFieldSpec);
  });
});

describe('mistakes name line, column, document and field', () => {
  test('of what is no YAML', () => {
    expect(parseManifest('a: 1\n---\na: [1\nb: 2\n').mistakes[0]).toMatchObject({
      document: 2,
      line: 3,
      column: 4,
    });
  });

  test.each([
    ['where it is no YAML', '{{ if .Values.on }}\na: 1\n'],
    ['where it is an image', podWith('  - image: {{ .Values.image }}\n')],
  ])('of a template that nobody has filled in, %s', (_where, text) => {
    expect(find(text).mistakes[0]?.message).toBe(
      'a template was not filled in; render it first, as with helm template',
    );
  });

  test.each(['[', '{', '- ', '? ', '{a: '])('of what is nested without end by "%s", at once', (opening) => {
    const parse = () =>
      expect(parseManifest(`a: 1\n---\n${opening.repeat(1_000_000)}`).mistakes).toMatchObject([
        { line: 3, document: 2, message: 'it is nested too deeply to be read' },
      ]);
    expect(cpuMilliseconds(parse)).toBeLessThan(2_000);
  });

  test.each([
    ['[', ']'],
    ['{a: ', '}'],
    ['- ', ''],
  ])('not of what is nested as deeply as may be by "%s"', (opening, closing) => {
    const text = `${opening.repeat(490)}1${closing.repeat(490)}`;
    expect(parseManifest(text).mistakes).toEqual([]);
  });

  test.each([
    [
      'containers',
      '{a: {image: x}}',
      'it is a mapping, and a list belongs here; begin each of its items with "- "',
    ],
    [
      'containers',
      '[[x]]',
      'it is a list, and a mapping belongs here; write its keys below it, each with its value',
    ],
    [
      'containers',
      '[x]',
      'it is a single value, and a mapping belongs here; write its keys below it, each with its value',
    ],
    ['containers', '[{image: [x]}]', 'it is a list, and text belongs here; write it in one line'],
  ])('of %s that are %s', (name, value, message) => {
    const text = `apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  ${name}: ${value}\n`;
    expect(find(text).mistakes).toMatchObject([{ line: 5, object: { kind: 'Pod', name: 'web' }, message }]);
  });

  test('of an image that is no text', () => {
    expect(find(podWith('  - name: a\n    image: 1.27\n')).mistakes).toMatchObject([
      {
        line: 6,
        column: 12,
        document: 1,
        field: 'spec.containers[0].image',
        message: "1.27 isn't text; put it in quotes",
      },
    ]);
  });

  test('of annotations that are no texts', () => {
    const text = `${podWith('  - image: a:1\n')}metadata: {annotations: {a: 1}}\n`;
    expect(find(text).mistakes).toMatchObject([{ line: 6, field: 'metadata.annotations.a' }]);
  });
});
