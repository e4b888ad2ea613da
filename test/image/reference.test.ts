import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { InvalidDigest, parseDigest, sha256 } from '../../src/image/digest.ts';
import {
  apiHost,
  canonical,
  familiar,
  InvalidReference,
  manifestPath,
  matchReference,
  parseReference,
  pinned,
  pullReference,
  repository,
  tagOrLatest,
} from '../../src/image/reference.ts';
import { cpuMilliseconds } from '../support/cpu-time.ts';
import { runs } from '../support/runs.ts';
import { cases, prose, testedIn, vectors } from '../support/vectors.ts';

const parts = z.object({
  ok: z.literal(true),
  input: z.string(),
  domain: z.string(),
  path: z.string(),
  tag: z.string().nullable(),
  digest: z.string().nullable(),
});
const invalid = z.object({ ok: z.literal(false), input: z.string(), error: z.string() });
const expanded = parts.extend({
  canonical: z.string(),
  pullRef: z.string(),
  familiar: z.string(),
  kubeletRepo: z.string(),
  kubeletTag: z.string().optional(),
  apiHost: z.string().nullable(),
  manifestPath: z.string().nullable(),
  defaultPullPolicy: z.enum(['Always', 'IfNotPresent']),
});

const title = ({ input }: { input: string }) => JSON.stringify(input);

vectors('reference.json', {
  fields: prose,
  notes: prose,
  normalized: cases(
    z.discriminatedUnion('ok', [expanded, invalid.extend({ defaultPullPolicy: z.literal('IfNotPresent') })]),
    title,
    (c) => {
      if (!c.ok) {
        expect(faultOf(() => parseReference(c.input))).toBe(c.error);
        return;
      }
      const reference = parseReference(c.input);
      expect(reference).toMatchObject({ original: c.input, domain: c.domain, path: c.path });
      expect(reference.tag ?? null).toBe(c.tag);
      expect(reference.digest ?? null).toBe(c.digest);
      expect(canonical(reference)).toBe(c.canonical);
      expect(pullReference(reference)).toBe(c.pullRef);
      expect(familiar(reference)).toBe(c.familiar);
      expect(repository(reference)).toBe(c.kubeletRepo);
      expect(tagOrLatest(reference)).toBe(c.kubeletTag ?? tagOrLatest(reference));
      expect(tagOrLatest(reference) === 'latest' ? 'Always' : 'IfNotPresent').toBe(c.defaultPullPolicy);
      const host = apiHost(reference.domain);
      expect(host ?? null).toBe(c.apiHost);
      expect(host === undefined ? null : manifestPath(reference)).toBe(c.manifestPath);
    },
  ),
  rawParse: cases(z.discriminatedUnion('ok', [parts, invalid]), title, (c) => {
    if (!c.ok) {
      expect(faultOf(() => matchReference(c.input))).toBe(c.error);
      return;
    }
    const { domain, path, tag, digest } = matchReference(c.input);
    expect({ domain, path, tag: tag ?? null, digest: digest ?? null }).toEqual({
      domain: c.domain,
      path: c.path,
      tag: c.tag,
      digest: c.digest,
    });
  }),
  digestParse: testedIn('test/image/digest.test.ts'),
  plainHttp: testedIn('test/registry/address.test.ts'),
});

describe('pinned', () => {
  const digest = sha256('');

  test.each([
    ['nginx:1.27', 'nginx', 'nginx:1.27'],
    ['nginx', 'nginx', 'nginx'],
    ['docker.io/nginx', 'docker.io/nginx', 'docker.io/nginx'],
    ['index.docker.io/library/nginx:1', 'index.docker.io/library/nginx', 'index.docker.io/library/nginx:1'],
    ['localhost:5000', 'localhost', 'localhost:5000'],
    ['localhost:5000/app:2', 'localhost:5000/app', 'localhost:5000/app:2'],
    ['[::1]:5000/app', '[::1]:5000/app', '[::1]:5000/app'],
    [`nginx:1.27@sha256:${'a'.repeat(64)}`, 'nginx', 'nginx:1.27'],
  ])('%s', (image, name, nameAndTag) => {
    expect(pinned(parseReference(image), digest)).toBe(`${name}@${digest}`);
    expect(pinned(parseReference(image), digest, { keepTag: true })).toBe(`${nameAndTag}@${digest}`);
  });
});

describe('a message', () => {
  test.each([
    ['', 'it is empty'],
    [' ', 'it is empty'],
    ['$(IMAGE)', 'was not filled in'],
    ['{{ .Values.image }}', 'was not filled in'],
    ['https://registry.example.com/app', 'no URL scheme'],
    ['nginx ', 'white space'],
    ['nginx:', 'the tag after ":" is missing'],
    ['nginx:1@', 'the digest after "@" is missing'],
    [`nginx:${'a'.repeat(129)}`, 'at most 128 characters'],
    ['team/App', 'lower case'],
    [`nginx@sha256:${'a'.repeat(63)}`, 'wrong length'],
    ['-nginx', '[registry/]repository[:tag][@digest]'],
  ])('%j says what to do', (image, remedy) => {
    expect(() => parseReference(image)).toThrow(remedy);
  });

  test('shows little of the input, and nothing that a terminal obeys', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 500 }), (text) => {
        const error = thrownBy(() => parseReference(`-${text}`));
        expect(error.message).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u);
        expect(error.message.length).toBeLessThan(250);
      }),
      runs(),
    );
  });

  test('has the digest’s error as its cause', () => {
    const error = thrownBy(() => parseReference('nginx@md5:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'));
    expect(error.cause).toBeInstanceOf(InvalidDigest);
  });
});

describe('for any input', () => {
  const component = fc.stringMatching(/^[a-z0-9]{1,8}(?:(?:[._]|__|-{1,3})[a-z0-9]{1,8}){0,2}$/);
  const label = fc.stringMatching(/^[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,8}[a-zA-Z0-9])?$/);
  const host = fc.oneof(
    fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.')),
    fc.stringMatching(/^\[[a-f0-9]{0,4}:[a-f0-9:]{1,20}\]$/),
    fc.constantFrom('docker.io', 'index.docker.io', 'registry-1.docker.io', 'localhost'),
  );
  const tail = (separator: string, value: fc.Arbitrary<string>) =>
    fc.option(value, { nil: undefined }).map((text) => (text === undefined ? '' : separator + text));
  const domain = fc
    .tuple(host, tail(':', fc.stringMatching(/^[0-9]{1,5}$/)))
    .map((pieces) => pieces.join(''));
  const path = fc.array(component, { minLength: 1, maxLength: 5 }).map((components) => components.join('/'));
  const tag = fc.stringMatching(/^\w[\w.-]{0,20}$/);
  const digest = fc.oneof(
    fc.stringMatching(/^[a-f0-9]{64}$/).map((hex) => `sha256:${hex}`),
    fc.stringMatching(/^[a-f0-9]{128}$/).map((hex) => `sha512:${hex}`),
  );
  const reference = fc
    .tuple(
      fc.oneof(
        fc.constant(''),
        domain.map((text) => `${text}/`),
      ),
      path,
      tail(':', tag),
      tail('@', digest),
    )
    .map((pieces) => pieces.join(''))
    .filter((text) => !/^[a-f0-9]{64}$/.test(text));

  test('the canonical form reads back as the same', () => {
    fc.assert(
      fc.property(reference, (text) => {
        const { original, name, ...read } = parseReference(text);
        const { original: _, name: __, ...again } = parseReference(canonical(read));
        expect(again).toEqual(read);
        expect(canonical(again)).toBe(canonical(read));
        expect(original).toBe(text);
        expect(text.startsWith(name)).toBe(true);
      }),
      runs(),
    );
  });

  test('the familiar form reads back as the same, unless Docker Hub’s path begins like a registry', () => {
    fc.assert(
      fc.property(reference, (text) => {
        const read = parseReference(text);
        fc.pre(!/^[a-f0-9]{64}$/.test(familiar(read)));
        fc.pre(read.domain !== 'docker.io' || !/^localhost\/|^[^/]*\.[^/]*\//.test(read.path));
        expect(canonical(parseReference(familiar(read)))).toBe(canonical(read));
      }),
      runs(),
    );
  });

  test('a pinned reference is of the same repository and has the digest', () => {
    fc.assert(
      fc.property(reference, digest, fc.boolean(), (text, digestText, keepTag) => {
        const read = parseReference(text);
        const wanted = parseDigest(digestText);
        const again = parseReference(pinned(read, wanted, { keepTag }));
        expect(repository(again)).toBe(repository(read));
        expect(again.digest).toBe(wanted);
        expect(again.tag).toBe(keepTag ? read.tag : undefined);
        expect(again.name).toBe(read.name);
      }),
      runs(),
    );
  });

  test('nothing but InvalidReference is thrown', () => {
    const alphabet = fc.constantFrom(
      ...'aA0._-/:@[]% \n$é{}',
      'sha256:',
      'docker.io/',
      'localhost',
      '\ud800',
    );
    const nasty = fc.string({ unit: alphabet, maxLength: 80 });
    fc.assert(
      fc.property(fc.oneof(nasty, fc.string({ unit: 'binary' }), reference), (text) => {
        for (const parse of [parseReference, matchReference]) {
          try {
            parse(text);
          } catch (error) {
            expect(error).toBeInstanceOf(InvalidReference);
          }
        }
      }),
      runs(),
    );
  });

  test.each([
    'a',
    'a-',
    'a.',
    'a/',
    'a:',
    'a@',
    '-',
    '_',
    '__a',
    '[',
    ':',
    '/',
    '@',
    ' ',
    'A',
    'a.b/',
    'é',
    'sha256:',
  ])('a megabyte of %j takes little time', (unit) => {
    const text = unit.repeat(2 ** 20 / unit.length);
    for (const image of [
      text,
      `a/${text}`,
      `a.b/${text}`,
      `${text}!`,
      `a:${text}`,
      `a@a:${text}`,
      `[${text}`,
    ]) {
      const parse = () => {
        thrownBy(() => parseReference(image));
        thrownBy(() => matchReference(image));
      };
      expect(cpuMilliseconds(parse)).toBeLessThan(5000);
    }
  });
});

function thrownBy(action: () => unknown): InvalidReference {
  try {
    action();
  } catch (error) {
    if (error instanceof InvalidReference) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

function faultOf(action: () => unknown): string {
  return thrownBy(action).reason;
}
