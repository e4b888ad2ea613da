import { type KeyPair, readKeyPair } from '../config/pem.ts';
import type { CertificateFiles } from '../config/schema.ts';
import { TrackedFiles } from '../config/tracked-files.ts';
import { faultOf } from './certificate.ts';
import type { CertificateSource } from './served-certificate.ts';

/** Thrown if the mounted files hold no certificate that can be served. */
export class MountedCertificateError extends Error {
  override readonly name = 'MountedCertificateError';
}

/**
 * A certificate in files, renewed and published to the API server by something else, such as cert-manager with its
 * cainjector. Neither the Secret nor the webhook configuration is read.
 *
 * The files are read at each check. A mounted Secret changes by a symbolic link, which a watch of the files wouldn't
 * see, and to read them costs little.
 */
export class MountedCertificate implements CertificateSource {
  readonly #files: CertificateFiles;
  readonly #name: string;
  readonly #now: () => number;

  /** @param name the server name that the API server verifies */
  constructor(files: CertificateFiles, name: string, now: () => number) {
    this.#files = files;
    this.#name = name;
    this.#now = now;
  }

  /** @throws MountedCertificateError */
  async current(): Promise<KeyPair> {
    const { certFile, keyFile } = this.#files;
    const read = readKeyPair(certFile, keyFile, new TrackedFiles());
    if ('problems' in read) {
      const problems = read.problems.map(
        ({ of, problem }) => `${of === 'cert' ? certFile : keyFile}: ${problem}`,
      );
      throw new MountedCertificateError(`the certificate can't be served: ${problems.join('; ')}`);
    }
    const fault = faultOf(read.value, this.#name, this.#now());
    if (fault !== undefined) throw new MountedCertificateError(`certificate ${certFile}: ${fault}`);
    return read.value;
  }
}
