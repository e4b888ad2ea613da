import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { parseReference } from '../../src/image/reference.ts';
import { modes } from '../../src/pin/opt-in.ts';
import { runs } from '../support/runs.ts';
import { readManifest } from './read.ts';

const conditions = z.array(z.object({ name: z.string(), expression: z.string() }));
const webhook = z.object({ name: z.string(), matchConditions: conditions });
const { webhooks } = readManifest(
  'base/webhook.yaml',
  'MutatingWebhookConfiguration',
  z.object({ webhooks: z.array(webhook) }),
);
const conditionsOf = (name: string) => webhooks.find((webhook) => webhook.name === name)?.matchConditions;
const [byDigest, ...more] = (conditionsOf('enforce.tagpin.dev') ?? []).flatMap(({ expression }) =>
  [...expression.matchAll(/matches\( r'(.*?)'\)/g)].map(([, pattern]) => pattern),
);

test('the webhook is called on the same conditions in every mode', () => {
  for (const mode of modes)
    expect(conditionsOf(`${mode}.tagpin.dev`)).toEqual(conditionsOf('enforce.tagpin.dev'));
});

test('the chart has the same conditions as the manifests', () => {
  const template = readFileSync(
    join(import.meta.dirname, '../../charts/tagpin/templates/webhook.yaml'),
    'utf8',
  );
  const entries = template.split(/^ {2}- (?=name: )/m).slice(1);
  const inChart = entries.flatMap((entry) => {
    const [, name = ''] = /^name: (.*)$/m.exec(entry) ?? [];
    const [block] = /^ {4}matchConditions:\n(?: {6}.*\n)+/m.exec(entry) ?? [];
    const { matchConditions } = z.object({ matchConditions: conditions }).parse(parse(block ?? '{}'));
    const names = name.includes('{{ . }}') ? modes.map((mode) => name.replace('{{ . }}', mode)) : [name];
    return names.map((each) => [each, matchConditions] as const);
  });
  const component = readFileSync(
    join(import.meta.dirname, '../../manifests/components/other-digests/webhook.yaml'),
    'utf8',
  );
  const added = z.array(z.object({ value: webhook })).parse(parse(component));
  expect(new Map(inChart)).toEqual(
    new Map(
      [...webhooks, ...added.map(({ value }) => value)].map(({ name, matchConditions }) => [
        name,
        matchConditions,
      ]),
    ),
  );
});

describe('an image that the conditions take to be by digest', () => {
  /** RE2 and JavaScript read this pattern alike: it has no flag, look-around or back reference. */
  const pattern = new RegExp(byDigest ?? 'absent');
  const isTaken = (image: string) =>
    image.length - image.indexOf('@') === (image.includes('@sha256:') ? 72 : 136) && pattern.test(image);
  const notTaken = (image: string) =>
    `size(${image}) - ${image}.indexOf('@') != (${image}.contains('@sha256:') ? 72 : 136) ` +
    `|| !${image}.matches( r'${byDigest}')`;
  const isByDigest = (image: string) => {
    try {
      return parseReference(image).digest !== undefined;
    } catch {
      return false;
    }
  };

  test('is told by one pattern, and by arithmetic that this test repeats', () => {
    expect(byDigest).toMatch(/^\^.*\$$/);
    expect(more).toEqual([]);
    const [, , last] = conditionsOf('enforce.tagpin.dev') ?? [];
    expect(last?.expression).toContain(`c.image.indexOf('@') > 128 || ${notTaken('c.image')}`);
  });

  const hex = (length: number) =>
    fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length });
  const nearly = (text: fc.Arbitrary<string>) =>
    fc.oneof(
      { weight: 4, arbitrary: text },
      { weight: 1, arbitrary: text.map((value) => value.slice(1)) },
      { weight: 1, arbitrary: text.map((value) => `${value}0`) },
      { weight: 1, arbitrary: text.map((value) => value.toUpperCase()) },
    );
  const label = fc.string({ unit: fc.constantFrom(...'ab0A.-_/:[] '), maxLength: 8 });
  const host = fc.oneof(
    fc.constantFrom(
      '',
      'registry.example.com/',
      'localhost:5000/',
      '[::1]:5000/',
      '[fd00::1]/',
      'Host/',
      'ex_ample.com/',
      'docker.io/',
      'a..b/',
      '-a/',
    ),
    label.map((value) => `${value}/`),
  );
  const path = fc.oneof(
    fc.constantFrom(
      'app',
      'team/app',
      'my__app',
      'a--b',
      'a___b',
      'a._b',
      'App',
      '',
      'a/',
      '/a',
      'team//app',
      'x'.repeat(100),
    ),
    label,
  );
  const tag = fc.oneof(
    fc.constantFrom('', ':1.27', ':', ':_T-1', ':-1', `:${'t'.repeat(128)}`, ':a:b', ':ä'),
    label.map((value) => `:${value}`),
  );
  const digest = fc.oneof(
    nearly(hex(64).map((value) => `@sha256:${value}`)),
    nearly(hex(128).map((value) => `@sha512:${value}`)),
    hex(64).map((value) => `@sha512:${value}`),
    hex(32).map((value) => `@md5:${value}`),
    hex(96).map((value) => `@sha384:${value}`),
    fc.constantFrom('', '@', '@sha256:', '@latest'),
  );
  const end = fc.constantFrom('', '', '', '', '', '', ' ', '\n', ':1', '@', `@sha256:${'0'.repeat(64)}`);
  const image = fc
    .tuple(fc.constantFrom('', '', '', '', ' ', 'https://'), host, path, tag, digest, end)
    .map((parts) => parts.join(''));

  test('property: is what the grammar of references says is one', () => {
    fc.assert(
      fc.property(
        image.filter((text) => text.indexOf('@') <= 128),
        (text) => {
          expect(isTaken(text)).toBe(isByDigest(text));
        },
      ),
      runs(),
    );
  });

  test.each(['app', 'App', 'registry.example.com/app:1'])('%s is none', (text) => {
    expect(isTaken(text)).toBe(false);
  });

  test('is the same to the guard', () => {
    const guard = readManifest(
      'components/guard/guard.yaml',
      'ValidatingAdmissionPolicy',
      z.object({ spec: z.object({ variables: conditions }) }),
    );
    const unpinned = guard.spec.variables.find(({ name }) => name === 'unpinned');
    expect(unpinned?.expression).toContain(`(${notTaken('i.image')})`);
  });
});
