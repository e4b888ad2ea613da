import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { TrackedFiles } from './tracked-files.ts';

/** A certificate and its key, as PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** What was read, or what is wrong with it; never what a file holds, which may be a key. */
export type Read<T> = { value: T } | { problem: string };

/** The certificates in a file. */
export function readCertificates(file: string, files: TrackedFiles): Read<string> {
  try {
    const pem = files.read(file);
    for (const block of pem.match(CERTIFICATE) ?? ['']) new X509Certificate(block);
    return { value: pem };
  } catch {
    return { problem: 'the file must be there and hold certificates in PEM' };
  }
}

/** A pair that was read, or what is wrong with its files. */
export type ReadKeyPair =
  | { value: KeyPair }
  | { problems: readonly { of: keyof KeyPair; problem: string }[] };

/** A certificate and its key; both may be in one file. */
export function readKeyPair(certFile: string, keyFile: string, files: TrackedFiles): ReadKeyPair {
  const [cert, key] = [readCertificates(certFile, files), readKey(keyFile, files)];
  if ('value' in cert && 'value' in key) {
    const [first = ''] = cert.value.match(CERTIFICATE) ?? [];
    if (new X509Certificate(first).checkPrivateKey(createPrivateKey(key.value))) {
      return { value: { cert: cert.value, key: key.value } };
    }
    return { problems: [{ of: 'key', problem: "it isn't the certificate's key; take both from one issue" }] };
  }
  const problems = Object.entries({ cert, key }).flatMap(([of, read]) =>
    'problem' in read ? [{ of: of === 'cert' ? ('cert' as const) : ('key' as const), ...read }] : [],
  );
  return { problems };
}

function readKey(file: string, files: TrackedFiles): Read<string> {
  try {
    const pem = files.read(file);
    createPrivateKey(pem);
    return { value: pem };
  } catch {
    return { problem: 'the file must be there and hold a key in PEM, without a passphrase' };
  }
}

/** The certificates of a text, one by one; what can't be read as one is left out. */
export function certificatesIn(text: string): string[] {
  return (text.match(CERTIFICATE) ?? []).filter((block) => {
    try {
      return new X509Certificate(block).raw.length > 0;
    } catch {
      return false;
    }
  });
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
