import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import type { Dispatcher } from 'undici';
import { RegistryError } from './error.ts';

/** The distribution specification's limit for manifests; nothing else that is read is larger. */
const BODY_LIMIT = 4 * 1024 * 1024;
/** A body of up to this size is always read. */
const SHORT_BODY = 64 * 1024;
/**
 * The limit for all longer bodies together. An image can name any host as its registry, and one host can have many
 * names: a body of the largest size for each image of a pod would exhaust the memory.
 */
const LONG_BODIES_LIMIT = 64 * 1024 * 1024;

type Encoding = string | string[] | undefined;

/** Reads response bodies, with a limit for each and for all of them together. */
export class BodyReader {
  #longBytes = 0;
  #decoded: Promise<void> = Promise.resolve();

  /**
   * The bytes that a digest covers, decoded if a registry compresses them although it was asked not to.
   *
   * @throws RegistryError `too_large` or `bad_body`, or the error that broke the connection
   */
  async read(body: Dispatcher.ResponseData['body'], encoding: Encoding, url: URL): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let size = 0;
    let counted = 0;
    try {
      // Leaving the loop early closes the connection, which ends an endless body.
      for await (const chunk of body) {
        const bytes = Buffer.from(chunk);
        size += bytes.length;
        if (size > BODY_LIMIT) throw tooLarge(url);
        if (size > SHORT_BODY) {
          this.#longBytes += size - counted;
          counted = size;
        }
        if (counted > 0 && this.#longBytes > LONG_BODIES_LIMIT) throw tooManyAtOnce(url);
        chunks.push(bytes);
      }
      return await this.#decode(Buffer.concat(chunks), encoding, url);
    } finally {
      this.#longBytes -= counted;
    }
  }

  /** Decodes one body at a time, because a short body may decode to a long one. */
  async #decode(bytes: Buffer, encoding: Encoding, url: URL): Promise<Buffer> {
    if (encoding === undefined || encoding === 'identity' || bytes.length === 0) return bytes;
    const decoder = typeof encoding === 'string' ? decoders.get(encoding.toLowerCase()) : undefined;
    if (decoder === undefined)
      throw new RegistryError('bad_body', 'the response has an unknown content encoding', { url });
    const decoded = this.#decoded.then(() => decoder(bytes, { maxOutputLength: BODY_LIMIT }));
    const done = () => undefined;
    this.#decoded = decoded.then(done, done);
    try {
      return await decoded;
    } catch (cause) {
      if (cause instanceof RangeError) throw tooLarge(url);
      throw new RegistryError('bad_body', 'the compressed response is corrupt', { url, cause });
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
  new RegistryError('too_large', `the response is larger than ${BODY_LIMIT / 1024 / 1024} MiB`, { url });

const tooManyAtOnce = (url: URL) =>
  new RegistryError('too_large', 'too many large responses at the same time', { url });
