import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import type { Dispatcher } from 'undici';
import { RegistryError } from './error.ts';

/** Manifests are bounded to 4 MiB by the distribution specification; nothing else that is read is larger. */
const BODY_LIMIT = 4 * 1024 * 1024;
/** Up to here a body is read whatever others are. */
const SHORT = 64 * 1024;
/**
 * What all longer ones may take together. A registry is whatever host an image names, and one host may have many
 * names: with a body as long as can be for each image of a pod they would take more memory than there is.
 */
const TOGETHER = 64 * 1024 * 1024;

type Encoding = string | string[] | undefined;

/** Reads bodies, bounded each and together. */
export class Bodies {
  #long = 0;
  #decoded: Promise<void> = Promise.resolve();

  /**
   * The bytes that a digest is of: decoded, where a registry compresses although it was asked not to.
   *
   * @throws RegistryError `too_large` or `bad_body`, or what breaks the connection
   */
  async read(body: Dispatcher.ResponseData['body'], encoding: Encoding, url: URL): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let size = 0;
    let counted = 0;
    try {
      // Leaving the loop early closes the connection, so an endless body ends here.
      for await (const chunk of body) {
        const bytes = Buffer.from(chunk);
        size += bytes.length;
        if (size > BODY_LIMIT) throw tooLarge(url);
        if (size > SHORT) {
          this.#long += size - counted;
          counted = size;
        }
        if (counted > 0 && this.#long > TOGETHER) throw tooManyAtOnce(url);
        chunks.push(bytes);
      }
      return await this.#decode(Buffer.concat(chunks), encoding, url);
    } finally {
      this.#long -= counted;
    }
  }

  /** One after the other: what is short now may be long then. */
  async #decode(bytes: Buffer, encoding: Encoding, url: URL): Promise<Buffer> {
    if (encoding === undefined || encoding === 'identity' || bytes.length === 0) return bytes;
    const decoder = typeof encoding === 'string' ? decoders.get(encoding.toLowerCase()) : undefined;
    if (decoder === undefined)
      throw new RegistryError('bad_body', 'the answer is compressed in an unknown way', { url });
    const decoded = this.#decoded.then(() => decoder(bytes, { maxOutputLength: BODY_LIMIT }));
    const done = () => undefined;
    this.#decoded = decoded.then(done, done);
    try {
      return await decoded;
    } catch (cause) {
      if (cause instanceof RangeError) throw tooLarge(url);
      throw new RegistryError('bad_body', 'the answer is compressed, but broken', { url, cause });
    }
  }
}

const decoders = new Map([
  ['gzip', promisify(gunzip)],
  ['x-gzip', promisify(gunzip)],
  ['deflate', promisify(inflate)],
  ['br', promisify(brotliDecompress)],
]);

const tooLarge = (url: URL) =>
  new RegistryError('too_large', `the answer is larger than ${BODY_LIMIT / 1024 / 1024} MiB`, { url });

const tooManyAtOnce = (url: URL) =>
  new RegistryError('too_large', 'too many large answers come at the same time', { url });
