import { X509Certificate } from 'node:crypto';
import https from 'node:https';
import { expect, test } from 'vitest';
import { createAuthority } from './authority.ts';
import { listen } from './listen.ts';

const authority = await createAuthority();

/** The response, or the error's code. */
function get(url: string, ca: string): Promise<string> {
  return new Promise((resolve) => {
    https
      .get(url, { ca, agent: false }, (response) => response.once('data', (data) => resolve(String(data))))
      .once('error', (error) => resolve('code' in error ? String(error.code) : error.message));
  });
}

test.each(['127.0.0.1', 'localhost'])(
  'a client that trusts the authority accepts its server at %s',
  async (name) => {
    const tls = await authority.issue(['localhost', '127.0.0.1']);
    await using server = await listen((_, response) => response.end('hello'), { tls, name });
    expect(await get(server.url, authority.caPem)).toBe('hello');
  },
);

test('a certificate is not good for another name', async () => {
  const tls = await authority.issue(['registry.test']);
  await using server = await listen((_, response) => response.end('hello'), { tls });
  expect(await get(server.url, authority.caPem)).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
});

test('a client that trusts another authority refuses the server', async () => {
  const other = await createAuthority();
  await using server = await listen((_, response) => response.end('hello'), {
    tls: await authority.issue(['127.0.0.1']),
  });
  expect(await get(server.url, other.caPem)).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
});

test('a certificate can be expired', async () => {
  const past = { notBefore: new Date('2020-01-01'), notAfter: new Date('2020-01-02') };
  await using server = await listen((_, response) => response.end('hello'), {
    tls: await authority.issue(['127.0.0.1'], past),
  });
  expect(await get(server.url, authority.caPem)).toBe('CERT_HAS_EXPIRED');
});

test('an IP address is named as one', async () => {
  const { cert } = await authority.issue(['registry.test', '::1']);
  expect(new X509Certificate(cert).subjectAltName).toBe('DNS:registry.test, IP Address:0:0:0:0:0:0:0:1');
});
