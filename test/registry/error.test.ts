import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  errorFromResponse,
  isRetryable,
  RegistryError,
  readErrorBody,
  readRetryAfter,
  redactUrl,
  singleLine,
} from '../../src/registry/error.ts';
import { cases, prose, testedIn, vectors } from '../support/vectors.ts';

const url = new URL('https://registry.example.com/v2/a/manifests/1');

vectors('manifest.json', {
  accept: testedIn('test/registry/client.test.ts'),
  bodies: prose,
  digests: prose,
  scripts: testedIn('test/registry/client.test.ts'),
  errorBodies: cases(
    z.object({
      status: z.number(),
      body: z.string(),
      expect: z.object({
        codes: z.array(z.string()).optional(),
        message: z.string().optional(),
        messageContains: z.string().optional(),
        kind: z.string().optional(),
        retryable: z.boolean().optional(),
      }),
    }),
    ({ status, body }) => `${status} ${JSON.stringify(body)}`,
    ({ status, body, expect: expected }) => {
      const { codes, message } = readErrorBody(status, body);
      const error = errorFromResponse(url, { status, body });
      if (expected.codes) expect(codes).toEqual(expected.codes);
      if (expected.message) expect(message).toBe(expected.message);
      if (expected.messageContains) expect(message).toContain(expected.messageContains);
      if (expected.kind) expect(error.failure).toBe(expected.kind);
      if (expected.retryable !== undefined) expect(error.retryable).toBe(expected.retryable);
      expect(`${codes.join()}${message}`).not.toMatch(/\p{Cc}/u);
    },
  ),
  retryable: cases(
    z.object({ errors: z.array(z.string()), status: z.number().default(0), retryable: z.boolean() }),
    ({ errors, status }) => [status, ...errors].join(' '),
    ({ errors, status, retryable }) => expect(isRetryable({ status, codes: errors })).toBe(retryable),
  ),
  logRedaction: cases(
    z.object({ url: z.string(), logged: z.string() }),
    ({ url: shown }) => shown,
    ({ url: shown, logged }) => expect(redactUrl(new URL(shown))).toBe(logged),
  ),
});

test('an error keeps its URL redacted', () => {
  const secret = new URL('https://user:secret@registry.example.com/v2/?signature=secret');
  expect(JSON.stringify(new RegistryError('status', 'x', { url: secret }))).not.toContain('secret');
});

test('foreign text becomes one short line without control characters', () => {
  expect(singleLine('a\r\nb\u001b[31m\u202ec', 10)).toBe('a b [31m c');
  expect(singleLine('x'.repeat(50), 10)).toBe(`${'x'.repeat(9)}…`);
});

describe('of an answer that repeats a secret', () => {
  const tell = (errors: { code?: string; message?: string }[], secret: string) => {
    const { message, codes } = errorFromResponse(url, {
      status: 400,
      body: JSON.stringify({ errors }),
      secrets: [secret],
    });
    return [message, ...codes].join(' ');
  };

  test('not even the beginning is told, where the text is cut off', () => {
    expect(tell([{ message: `${'x'.repeat(190)} hunter2hunter2` }], 'hunter2hunter2')).not.toContain(
      'hunter',
    );
  });

  test('none of its lines is told', () => {
    const key = '{"private_key":\n"-----BEGIN KEY-----\nhunter2\n"}';
    expect(tell([{ message: `no such user: ${key}` }], key)).not.toContain('hunter2');
    const { message } = errorFromResponse(url, {
      status: 400,
      body: JSON.stringify({ key }),
      secrets: [key],
    });
    expect(message).not.toContain('hunter2');
  });

  test('it is no code either', () => {
    expect(tell([{ code: 'hunter2' }], 'hunter2')).not.toContain('hunter2');
  });
});

test('a code stays one, even where a password is part of it', () => {
  const body = '{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}';
  const error = errorFromResponse(url, { status: 400, body, secrets: ['TOO', 'E'] });
  expect(error).toMatchObject({ failure: 'rate_limited', codes: ['TOOMANYREQUESTS'], retryable: true });
});

test('of ever so many codes a few are told, each once', () => {
  const codes = ['DENIED', 'DENIED', ...Array.from({ length: 10_000 }, (_, number) => `E${number}`)];
  const body = JSON.stringify({ errors: codes.map((code) => ({ code })) });
  expect(readErrorBody(403, body).codes).toEqual(['DENIED', 'E0', 'E1', 'E2', 'E3']);
});

describe('Retry-After', () => {
  const now = Date.parse('2026-01-02T03:04:05Z');

  test.each([
    ['30', 30],
    [' 0 ', 0],
    ['99999999999999999999999', 86_400],
    ['Fri, 02 Jan 2026 03:05:05 GMT', 60],
    ['Fri, 02 Jan 2037 03:05:05 GMT', 86_400],
    ['Fri, 02 Jan 2026 03:03:05 GMT', undefined],
    ['-5', undefined],
    ['1.5', undefined],
    ['soon', undefined],
    ['', undefined],
    [undefined, undefined],
    [['1', '2'], undefined],
  ])('%j is %s', (header, seconds) => expect(readRetryAfter(header, now)).toBe(seconds));
});
