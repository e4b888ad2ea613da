import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Files } from './files.ts';

/** A client certificate and its key, as PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** What was read, or what is wrong with it; never what a file holds, which may be a key. */
export type Read<T> = { value: T } | { problem: string };

/** The certificates in a file. */
export function readCertificates(file: string, files: Files): Read<string> {
  try {
    const pem = files.read(file);
    for (const block of pem.match(CERTIFICATE) ?? ['']) new X509Certificate(block);
    return { value: pem };
  } catch {
    return { problem: 'the file must be there and hold certificates in PEM' };
  }
}

/** A client certificate and its key; both may be in one file. */
export function readKeyPair(certFile: string, keyFile: string, files: Files): Read<KeyPair> {
  const certificate = readCertificates(certFile, files);
  if ('problem' in certificate) return certificate;
  try {
    const key = files.read(keyFile);
    const [first = ''] = certificate.value.match(CERTIFICATE) ?? [];
    if (!new X509Certificate(first).checkPrivateKey(createPrivateKey(key))) {
      return { problem: "the key isn't the certificate's" };
    }
    return { value: { cert: certificate.value, key } };
  } catch {
    return { problem: 'its key must be there, in PEM and without a passphrase' };
  }
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
