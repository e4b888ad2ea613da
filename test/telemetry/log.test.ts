import { expect, test } from 'vitest';
import { createLogger } from '../../src/telemetry/log.ts';

/** What is written of a line. */
function written(line: object): unknown {
  let text = '';
  const write = (chunk: string) => {
    text += chunk;
  };
  createLogger('info', { write }).info(line, 'said');
  return JSON.parse(text);
}

test.each(['password', 'authorization', 'token', 'auth'])(
  'a %s in an object never gets into the log',
  (name) => {
    expect(written({ login: { user: 'ada', [name]: 'hidden' } })).toMatchObject({
      login: { user: 'ada', [name]: '[redacted]' },
    });
  },
);

test('what else is in a line stays as it is', () => {
  const line = { namespace: 'shop', ms: 3, remarks: ['one', 'two'], nothing: null, nested: { a: { b: 1 } } };
  expect(written(line)).toMatchObject({ level: 'info', msg: 'said', ...line });
});

test('an error is its name, its message and its causes', () => {
  const err = new TypeError('outside', { cause: new Error('inside') });
  expect(written({ err, image: 'web' })).toMatchObject({
    err: { type: 'TypeError', message: 'outside', cause: { type: 'Error', message: 'inside' } },
    image: 'web',
  });
});
