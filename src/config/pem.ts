import { createPrivateKey, X509Certificate } from 'node:crypto';
import { CERTIFICATE } from '../pem.ts';
import type { TrackedFiles } from './tracked-files.ts';

/** A certificate and its key, as PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** The content of a file, or the problem with it. A problem never quotes the file, which may hold a key. */
export type PemFile = { value: string } | { problem: string };

/** The certificates in a file. */
export function readCertificates(file: string, files: TrackedFiles): PemFile {
  try {
    const pem = files.read(file);
    for (const block of pem.match(CERTIFICATE) ?? ['']) new X509Certificate(block);
    return { value: pem };
  } catch {
    return { problem: 'the file must be there and hold certificates in PEM' };
  }
}

/** A pair, or the problems with its files. */
export type KeyPairFiles =
  | { value: KeyPair }
  | { problems: readonly { of: keyof KeyPair; problem: string }[] };

/** A certificate and its key; both may be in one file. */
export function readKeyPair(certFile: string, keyFile: string, files: TrackedFiles): KeyPairFiles {
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

function readKey(file: string, files: TrackedFiles): PemFile {
  try {
    const pem = files.read(file);
    createPrivateKey(pem);
    return { value: pem };
  } catch {
    return { problem: 'the file must be there and hold a key in PEM, without a passphrase' };
  }
}
