// The X.509 library needs reflection metadata, loaded before it.
import 'reflect-metadata';
import { createPrivateKey, webcrypto, X509Certificate } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import type { KeyPair } from '../config/pem.ts';

x509.cryptoProvider.set(webcrypto);

/** A certificate for the webhook, its key, and the CA that signed it, all as PEM. */
export interface IssuedCertificate extends KeyPair {
  readonly ca: string;
}

const DAY_MS = 24 * 60 * 60 * 1000;
const LIFETIME_MS = 365 * DAY_MS;
/** A certificate is valid from before its creation, because the clocks of nodes and API servers differ. */
const BACKDATE_MS = DAY_MS;
/** The part of a certificate's life that is left when it is renewed. */
const LEFT_AT_RENEWAL = 1 / 3;
/** The part of the life by which replicas' renewals are spread, so that they don't all try at once. */
const JITTER = 1 / 100;
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/**
 * A certificate for a server with these names, signed by a CA of its own.
 *
 * The CA's key is discarded: nothing else can ever be signed with it, and no Secret holds it.
 *
 * @param now milliseconds since 1970
 */
export async function createCertificate(names: readonly string[], now: number): Promise<IssuedCertificate> {
  const notBefore = new Date(now - BACKDATE_MS);
  const notAfter = new Date(now + LIFETIME_MS);
  const caKeys = await webcrypto.subtle.generateKey(ALGORITHM, false, ['sign', 'verify']);
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
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    ca: ca.toString('pem'),
    cert: leaf.toString('pem'),
    key: x509.PemConverter.encode(key, 'PRIVATE KEY'),
  };
}

/** Why this certificate can't serve requests to `name`, whatever its CA; undefined if it can. */
export function faultOf({ cert, key }: KeyPair, name: string, now: number): string | undefined {
  let leaf: X509Certificate;
  let fits: boolean;
  try {
    leaf = new X509Certificate(cert);
    fits = leaf.checkPrivateKey(createPrivateKey(key));
  } catch {
    return "it can't be read";
  }
  if (!fits) return 'its key belongs to another certificate';
  if (leaf.checkHost(name) === undefined) return `it isn't for ${name}`;
  if (leaf.validToDate.getTime() <= now) return `it expired at ${leaf.validToDate.toISOString()}`;
  return undefined;
}

/** Whether one of these CAs signed the certificate and hasn't expired. */
export function isSignedByOneOf(cert: string, cas: readonly string[], now: number): boolean {
  const leaf = new X509Certificate(cert);
  return cas.some((ca) => {
    const authority = new X509Certificate(ca);
    return (
      authority.validToDate.getTime() > now && leaf.checkIssued(authority) && leaf.verify(authority.publicKey)
    );
  });
}

/** When the certificate expires; of a chain, the first. */
export function expiryOf(cert: string): Date {
  return new X509Certificate(cert).validToDate;
}

/**
 * When the certificate is to be renewed, in milliseconds since 1970: with a third of its life left.
 *
 * @param jitter from 0 to 1, a replica's own
 */
export function renewalTime(cert: string, jitter: number): number {
  const { validFromDate, validToDate } = new X509Certificate(cert);
  const life = validToDate.getTime() - validFromDate.getTime();
  return validToDate.getTime() - life * (LEFT_AT_RENEWAL + JITTER * jitter);
}
