// the X.509 library needs this polyfill for reflection, and needs it first
import 'reflect-metadata';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';
import type { KeyPair } from './listen.ts';

/** A certificate authority in memory. */
export interface Authority {
  /** The root certificate, for clients to trust. */
  readonly caPem: string;
  /** Issues a certificate for these DNS names and IP addresses, valid for servers and clients, with its key, both as PEM. */
  issue(names: readonly string[], validity?: Validity): Promise<KeyPair>;
}

/** By default a certificate is valid from a minute ago, for a day. */
export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

export async function createAuthority(commonName = 'Test authority'): Promise<Authority> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [commonName] }],
    ...aDay(),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    caPem: pem(root.toString('pem')),
    issue: (names, validity = aDay()) => issue({ root, rootKey: keys.privateKey, names, validity }),
  };
}

interface Issuance {
  readonly root: x509.X509Certificate;
  readonly rootKey: CryptoKey;
  readonly names: readonly string[];
  readonly validity: Validity;
}

async function issue({ root, rootKey, names, validity }: Issuance): Promise<KeyPair> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: [{ CN: [names[0] ?? 'unnamed'] }],
    issuer: root.subject,
    ...validity,
    publicKey: keys.publicKey,
    signingKey: rootKey,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([
        x509.ExtendedKeyUsage.serverAuth,
        x509.ExtendedKeyUsage.clientAuth,
      ]),
      new x509.SubjectAlternativeNameExtension(
        names.map((name) => ({ type: isIP(name) ? 'ip' : 'dns', value: name })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(root),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const key = await crypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { cert: pem(certificate.toString('pem')), key: pem(x509.PemConverter.encode(key, 'PRIVATE KEY')) };
}

function aDay(): Validity {
  const now = Date.now();
  // from a minute ago, for a client whose clock is slightly behind
  return { notBefore: new Date(now - 60_000), notAfter: new Date(now + 24 * 60 * 60 * 1000) };
}

/** Go and OpenSSL require a line end after a PEM block. */
function pem(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`;
}
