import { once } from 'node:events';
import { createServer } from 'node:https';
import { connect } from 'node:tls';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  createCertificate,
  expiryOf,
  faultOf,
  type IssuedCertificate,
  isSignedByOneOf,
  renewalTime,
} from '../../src/certificate/certificate.ts';

const NAME = 'tagpin.tagpin-system.svc';
const DAY_MS = 86_400_000;
const now = Date.now();

let made: IssuedCertificate;
let other: IssuedCertificate;
beforeAll(async () => {
  made = await createCertificate([NAME], now);
  other = await createCertificate([NAME], now);
});

describe('a certificate', () => {
  test.each([
    ['its own CA', () => made.ca],
    ['a bundle with an older CA of the same name before its own', () => `${other.ca}\n${made.ca}`],
    ['a bundle with a newer one after it', () => `${made.ca}\n${other.ca}`],
  ])('is trusted by TLS for the name of the Service, by %s', async (_, ca) => {
    const server = createServer({ cert: made.cert, key: made.key }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const socket = connect({ host: '127.0.0.1', port: address.port, servername: NAME, ca: ca() });
    await once(socket, 'secureConnect');
    expect(socket.authorized).toBe(true);
    socket.destroy();
    server.close();
  });

  test('is valid for a year', () =>
    expect((expiryOf(made.cert).getTime() - now) / DAY_MS).toBeCloseTo(365, 3));

  test('is to be renewed with a third of it left, or a little earlier', () => {
    expect((renewalTime(made.cert, 0) - now) / DAY_MS).toBeCloseTo((365 * 2) / 3, 0);
    const earlier = renewalTime(made.cert, 0) - renewalTime(made.cert, 1);
    expect(earlier / DAY_MS).toBeCloseTo(3.65, 1);
  });
});

describe('a certificate has a fault', () => {
  test('for another name', () => expect(faultOf(made, 'other.svc', now)).toBe("it isn't for other.svc"));
  test('if it is not a certificate', () =>
    expect(faultOf({ ...made, cert: 'x' }, NAME, now)).toBe("it can't be read"));
  test('with the key of another', () =>
    expect(faultOf({ ...made, key: other.key }, NAME, now)).toBe('its key belongs to another certificate'));
  test('once it has expired', () =>
    expect(faultOf(made, NAME, now + 366 * DAY_MS)).toMatch(/^it expired at \d{4}-/));
  test('else none', () => expect(faultOf(made, NAME, now)).toBeUndefined());
});

describe('a certificate is signed by one of several CAs', () => {
  test('if its own is among them', () =>
    expect(isSignedByOneOf(made.cert, [other.ca, made.ca], now)).toBe(true));
  test('but not by others of that name', () =>
    expect(isSignedByOneOf(made.cert, [other.ca], now)).toBe(false));
  test('and not by one that has expired', () =>
    expect(isSignedByOneOf(made.cert, [made.ca], now + 366 * DAY_MS)).toBe(false));
});
