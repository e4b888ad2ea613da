import fc from 'fast-check';

/*
 * Manifests as people and programs write them: of every kind that has pods, in every layout that YAML has for an image.
 */

const tag = fc.constantFrom('', ':1.27', ':latest', ':v2.0.0-rc.1', ':DEV');
const name = fc.constantFrom(
  'nginx',
  'team/app',
  'registry.example.com/app',
  'localhost:5000/a/b',
  'ghcr.io/x/y_z',
);
const image = fc.tuple(name, tag).map((parts) => parts.join(''));

/** One way to write a value behind its key; what follows is indented by so much. */
type Writing = (value: string, indent: string) => string;

const writings: Writing[] = [
  (value) => value,
  (value) => `"${value}"`,
  (value) => `'${value}'`,
  (value) => `${value}   # ${value}`,
  (value) => `!!str ${value}`,
  (value, indent) => `|-\n${indent}  ${value}`,
  (value, indent) => `>-  # folded\n${indent}  ${value}\n`,
  (value, indent) => `\n${indent}  ${value}`,
];
const writing = fc.constantFrom(...writings);

const extra = fc.constantFrom(
  '',
  'ports: [ {containerPort: 80} ]',
  'imagePullPolicy: Always',
  "imagePullPolicy:    'Never-not' # odd",
  'env:\n- name: A\n  value: "nginx:1.27"',
  '# nothing but a remark',
  "args: [\"--image=nginx:1.27\", 'it''s']",
  'command:\n- sh\n- |\n  echo nginx:1.27\n\n  exit 0',
);

const indented = (text: string, indent: string) => text.replaceAll(/^(?=.)/gm, indent);

const blockContainer = fc
  .record({ image, writing, before: extra, after: extra })
  .map(({ image, writing, before, after }) =>
    [`name: c`, before, `image: ${writing(image, '')}`, after].filter((line) => line !== '').join('\n'),
  )
  // A key may be there once only.
  .filter(
    (text) =>
      text.split(/^imagePullPolicy/m).length < 3 && text.split(/^(env|args|ports|command):/m).length < 4,
  )
  .filter((text) => ['env', 'args', 'ports', 'command'].every((key) => text.split(`\n${key}:`).length < 3));

const flowContainer = fc
  .record({ image, quote: fc.constantFrom('', '"', "'"), space: fc.constantFrom('', ' ', '\n      ') })
  .map(
    ({ image, quote, space }) =>
      `{${space}name: c,${space}image: ${quote}${image}${quote}${space === '' ? ' ' : space}}`,
  );

const list = (items: readonly string[]) =>
  items.map((item) => `- ${indented(item, '  ').trimStart()}`).join('\n');

const spec = fc
  .record({
    containers: fc.array(fc.oneof(blockContainer, flowContainer), { minLength: 1, maxLength: 3 }),
    inits: fc.array(blockContainer, { maxLength: 1 }),
    volume: fc.option(image, { nil: undefined }),
  })
  .map(({ containers, inits, volume }) =>
    [
      `containers:\n${list(containers)}`,
      ...(inits.length > 0 ? [`initContainers:\n${indented(list(inits), '    ')}`] : []),
      ...(volume === undefined ? [] : [`volumes: [{name: v, image: {reference: "${volume}"}}]`]),
    ].join('\n'),
  );

const shared = fc
  .record({ image, writing: fc.constantFrom(...writings.slice(0, 3)) })
  .map(
    ({ image, writing }) =>
      `x-base: &base\n  image: &image ${writing(image, '')}\nspec:\n  containers:\n  - <<: *base\n    name: a\n  - {name: b, image: *image}\n  - name: c\n    image: *image # again\n`,
  );

const nest = (path: readonly string[], text: string): string =>
  path.reduceRight((inner, key) => `${key}:\n${indented(inner, '  ')}`, text);

const kinds: [string, string, string[]][] = [
  ['v1', 'Pod', ['spec']],
  ['apps/v1', 'Deployment', ['spec', 'template', 'spec']],
  ['apps/v1', 'StatefulSet', ['spec', 'template', 'spec']],
  ['batch/v1', 'CronJob', ['spec', 'jobTemplate', 'spec', 'template', 'spec']],
  ['v1', 'PodTemplate', ['template', 'spec']],
  ['example.com/v1', 'Deployment', ['spec', 'template', 'spec']],
];

const workload = fc
  .tuple(fc.constantFrom(...kinds), spec)
  .map(
    ([[apiVersion, kind, path], text]) => `apiVersion: ${apiVersion}\nkind: ${kind}\n${nest(path, text)}\n`,
  );
const sharing = shared.map((text) => `apiVersion: v1\nkind: Pod\n${text}`);
const listed = fc
  .array(workload, { minLength: 1, maxLength: 2 })
  .map((objects) => `apiVersion: v1\nkind: List\nitems:\n${list(objects.map((text) => text.trimEnd()))}\n`);
const other = fc.constantFrom(
  'apiVersion: v1\nkind: ConfigMap\ndata:\n  image: nginx:1.27\n',
  '# nothing here\n',
  'image: nginx:1.27\n',
);
const json = fc
  .tuple(image, fc.constantFrom(undefined, 2, '\t'))
  .map(
    ([image, space]) =>
      `${JSON.stringify({ apiVersion: 'v1', kind: 'Pod', spec: { containers: [{ name: 'c', image }] } }, undefined, space)}\n`,
  );

/** A text of some documents. */
export const manifestText = fc
  .record({
    documents: fc.array(fc.oneof(workload, sharing, listed, other, json), { minLength: 1, maxLength: 4 }),
    separator: fc.constantFrom('---\n', '--- # next\n', '...\n---\n\n# more\n'),
    leads: fc.boolean(),
    mark: fc.boolean(),
    windows: fc.boolean(),
    cut: fc.boolean(),
  })
  .map(({ documents, separator, leads, mark, windows, cut }) => {
    const text = (leads ? '---\n' : '') + documents.join(separator);
    const whole = cut ? text.trimEnd() : text;
    return (mark ? '\uFEFF' : '') + (windows ? whole.replaceAll('\n', '\r\n') : whole);
  });
