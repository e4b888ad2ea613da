// The X.509 library finds its parts by reflection, and wants this to be there before it.
import 'reflect-metadata';
import { createPublicKey, type KeyObject, webcrypto, X509Certificate } from 'node:crypto';
import * as x509 from '@peculiar/x509';

x509.cryptoProvider.set(webcrypto);

/** PEM of a certificate authority and of the certificate it signed for the webhook. */
export interface Certificates {
  caCert: string;
  caKey: string;
  cert: string;
  key: string;
}

const DAY_MS = 24 * 60 * 60 * 1000;
const LIFETIME_MS = 365 * DAY_MS;
/** Clocks of the nodes differ: a certificate is valid from a while before it is made. */
const BACKDATE_MS = 60 * 60 * 1000;
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** A new authority, and a certificate of it for a server that is called by `names`. */
export async function createCertificates(names: readonly string[]): Promise<Certificates> {
  const notBefore = new Date(Date.now() - BACKDATE_MS);
  const notAfter = new Date(Date.now() + LIFETIME_MS);
  const caKeys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=tagpin webhook CA',
    notBefore,
    notAfter,
    keys: caKeys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(caKeys.publicKey),
    ],
  });
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const leaf = await x509.X509CertificateGenerator.create({
    subject: `CN=${names[0] ?? 'tagpin'}`.slice(0, 64 + 'CN='.length),
    issuer: ca.subject,
    notBefore,
    notAfter,
    publicKey: keys.publicKey,
    signingKey: caKeys.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns', value }))),
      await x509.AuthorityKeyIdentifierExtension.create(caKeys.publicKey),
    ],
  });
  return {
    caCert: ca.toString('pem'),
    caKey: await privatePem(caKeys.privateKey),
    cert: leaf.toString('pem'),
    key: await privatePem(keys.privateKey),
  };
}

async function privatePem(key: webcrypto.CryptoKey): Promise<string> {
  const bytes = await webcrypto.subtle.exportKey('pkcs8', key);
  return x509.PemConverter.encode(bytes, 'PRIVATE KEY');
}

/** Why these certificates can't serve calls to `name`; undefined when they can. */
export function faultOf({ caCert, cert, key }: Certificates, name: string): string | undefined {
  let leaf: X509Certificate;
  let authority: X509Certificate;
  let publicKey: KeyObject;
  try {
    [leaf, authority, publicKey] = [
      new X509Certificate(cert),
      new X509Certificate(caCert),
      createPublicKey(key),
    ];
  } catch {
    return "it can't be read";
  }
  if (!leaf.publicKey.equals(publicKey)) return 'its key belongs to another certificate';
  if (!leaf.verify(authority.publicKey)) return 'another CA signed it';
  if (leaf.checkHost(name) === undefined) return `it isn't for ${name}`;
  if (leaf.validToDate.getTime() <= Date.now()) return `it expired at ${leaf.validToDate.toISOString()}`;
  return undefined;
}

/** When the certificate expires. */
export function expiryOf({ cert }: Certificates): Date {
  return new X509Certificate(cert).validToDate;
}
