import { setTimeout as delay } from 'node:timers/promises';
import type { Capability } from '../config/registry-settings.ts';
import type { Credential } from '../credentials/credential.ts';
import { type Digest, isDigestOf } from '../image/digest.ts';
import { blobPath, manifestPath, type Reference } from '../image/reference.ts';
import { AuthorizedHttp, type Session } from './authorization.ts';
import type { Endpoint, Endpoints } from './endpoint.ts';
import { errorFromAnswer, RegistryError } from './error.ts';
import { type Answer, type Observer, RegistryHttp } from './http.ts';
import { ACCEPT, type Descriptor, describeBody, describeHeaders, mediaTypeOf } from './manifest.ts';
import { readRetryAfter } from './retry-after.ts';

/** What a registry holds under a digest, and what it says that is. */
export interface Content {
  mediaType: string;
  bytes: Buffer;
  /** Its `Last-Modified`, as the registry wrote it; few send one. */
  lastModified: string | undefined;
}

/** A mirror gets so long, credentials and all, before the next host is asked. */
const MIRROR_TIMEOUT_MS = 5_000;
/** How long to wait for what a pull-through cache has begun to import, before each further look. */
const IMPORT_DELAYS_MS = [250, 1_000];

/** What is wanted of a registry, and as whom. */
interface ManifestRequest {
  reference: Reference;
  needed: Capability;
  credential: Credential | undefined;
  signal: AbortSignal;
  onRequest?: (() => void) | undefined;
}

/**
 * Asks registries which digest a tag has (OCI distribution specification).
 *
 * HEAD of the manifest comes first, without a `/v2/` ping before it: the challenge in its answer is the one that
 * counts, and it is remembered, so that the next request to the repository carries its authorization at once.
 */
export class RegistryClient {
  readonly #endpoints: Endpoints;
  readonly #http: AuthorizedHttp;

  constructor(endpoints: Endpoints, observe?: Observer) {
    this.#endpoints = endpoints;
    this.#http = new AuthorizedHttp(endpoints, new RegistryHttp(endpoints, observe));
  }

  /**
   * The digest and media type of what the reference stands for now: of an index, never of one platform's manifest.
   *
   * Mirrors come before the registry itself. Whatever keeps one from answering, the next is asked (containerd
   * core/remotes/docker/resolver.go, `Resolve`).
   *
   * @param onRequest called for each request sent, those for tokens included
   * @throws RegistryError
   */
  async resolve(
    reference: Reference,
    credential: Credential | undefined,
    signal: AbortSignal,
    onRequest?: () => void,
  ): Promise<Descriptor> {
    const needed = reference.digest === undefined ? 'resolve' : 'pull';
    return this.#askInOrder({ reference, needed, credential, signal, onRequest }, (session) =>
      this.#resolveAt(session, reference),
    );
  }

  /**
   * What a digest stands for in the reference's repository, a manifest or a blob; its bytes are checked against it.
   *
   * @throws RegistryError
   */
  async content(
    reference: Reference,
    { kind, digest }: { kind: 'manifest' | 'blob'; digest: Digest },
    credential: Credential | undefined,
    signal: AbortSignal,
  ): Promise<Content> {
    return this.#askInOrder({ reference, needed: 'pull', credential, signal }, async (session) => {
      const { base } = session.endpoint;
      const path =
        kind === 'blob'
          ? blobPath(reference, digest, base.pathname)
          : manifestPath({ ...reference, digest }, base.pathname);
      const get = await this.#ask(session, 'GET', urlAt(session.endpoint, path));
      if (get.status !== 200) throw failure(get, credential);
      if (!isDigestOf(digest, get.body)) {
        throw new RegistryError('digest_mismatch', `the ${kind} isn't the one that was asked for`, {
          url: get.url,
        });
      }
      const lastModified = get.headers['last-modified'];
      return {
        mediaType: mediaTypeOf(get.headers['content-type']),
        bytes: get.body,
        lastModified: typeof lastModified === 'string' ? lastModified : undefined,
      };
    });
  }

  /** Asks the mirrors and then the registry itself, until one answers. */
  async #askInOrder<T>(
    { reference, needed, credential, signal, onRequest }: ManifestRequest,
    ask: (session: Session) => Promise<T>,
  ): Promise<T> {
    const endpoints = this.#endpoints.inOrder(reference.domain, needed);
    const errors: RegistryError[] = [];
    for (const [index, endpoint] of endpoints.entries()) {
      const isLast = index === endpoints.length - 1;
      const session = {
        endpoint,
        repository: reference.path,
        credential: endpoint.takesCredentials ? credential : undefined,
        signal: isLast ? signal : AbortSignal.any([signal, AbortSignal.timeout(MIRROR_TIMEOUT_MS)]),
        onRequest,
      };
      try {
        return await ask(session);
      } catch (error) {
        const isOver = session.signal.aborted && !signal.aborted;
        if (!(error instanceof RegistryError) && !isOver) throw error;
        errors.push(error instanceof RegistryError ? error : slowMirror(endpoint, error));
        if (signal.aborted) break;
      }
    }
    throw lastToAnswer(errors) ?? noHost(reference);
  }

  #resolveAt(session: Session, reference: Reference): Promise<Descriptor> {
    const isCached = session.endpoint.pullThrough.some((prefix) => reference.path.startsWith(`${prefix}/`));
    return isCached && reference.digest === undefined
      ? this.#import(session, reference)
      : this.#describe(session, urlOf(session.endpoint, reference));
  }

  async #describe(session: Session, url: URL): Promise<Descriptor> {
    const head = await this.#ask(session, 'HEAD', url);
    if (head.status === 200) {
      const descriptor = describeHeaders(head.url, mediaTypeOf(head.headers['content-type']), digestOf(head));
      if (descriptor !== undefined) return descriptor;
    } else if (!deservesGet(head.status)) {
      throw failure(head, session.credential);
    }
    return this.#read(session, url);
  }

  async #read(session: Session, url: URL): Promise<Descriptor> {
    const get = await this.#ask(session, 'GET', url);
    if (get.status !== 200) throw failure(get, session.credential);
    return describeBody(get.url, mediaTypeOf(get.headers['content-type']), get.body, digestOf(get));
  }

  /**
   * ECR's pull-through cache imports an image when its tag is pulled, and not when its digest is (AWS
   * containers-roadmap #2837): so the tag is pulled here, and the node's pull by digest is tried before it is relied on.
   */
  async #import(session: Session, reference: Reference): Promise<Descriptor> {
    const descriptor = await this.#read(session, urlOf(session.endpoint, reference));
    const byDigest = urlOf(session.endpoint, reference, descriptor.digest);
    for (const wait of [...IMPORT_DELAYS_MS, undefined]) {
      const head = await this.#ask(session, 'HEAD', byDigest);
      if (head.status === 200) return descriptor;
      if (head.status !== 404) throw failure(head, session.credential);
      if (wait !== undefined) await delay(wait);
    }
    throw new RegistryError('not_found', "the pull-through cache has the tag, but not yet the tag's digest", {
      status: 404,
      url: byDigest,
    });
  }

  #ask(session: Session, method: 'HEAD' | 'GET', url: URL): Promise<Answer> {
    return this.#http.ask(session, { method, url, headers: { accept: ACCEPT } });
  }
}

/** Where the manifest is at this endpoint; a host that isn't the registry's own is told which registry is meant. */
function urlOf(endpoint: Endpoint, reference: Reference, digest?: Digest): URL {
  const wanted = digest === undefined ? reference : { ...reference, digest };
  return urlAt(endpoint, manifestPath(wanted, endpoint.base.pathname));
}

function urlAt({ base, namespace }: Endpoint, path: string): URL {
  const url = new URL(path, base);
  if (namespace !== undefined) url.searchParams.set('ns', namespace);
  return url;
}

/** The registry itself, asked last, knows best, unless it said nothing and a mirror did. */
function lastToAnswer(errors: readonly RegistryError[]): RegistryError | undefined {
  return errors.findLast(({ status }) => status !== undefined) ?? errors.at(-1);
}

const slowMirror = ({ base }: Endpoint, cause: unknown) =>
  new RegistryError('timeout', 'no answer in time', { url: base, cause });

const noHost = ({ domain }: Reference) =>
  new RegistryError('forbidden_address', `the configuration lets no host resolve tags of ${domain}`);

/** One of sha512 and some room. A header of more is no digest, and what was cut out of it would keep all of it in memory. */
const LONGEST_DIGEST = 200;

function digestOf(answer: Answer): string | undefined {
  const header = answer.headers['docker-content-digest'];
  return typeof header === 'string' && header.length <= LONGEST_DIGEST ? header.trim() : undefined;
}

/**
 * HEAD isn't everywhere (400, 405, 501), Nexus answers 404 to it where GET finds the image, and to learn why access
 * is denied takes a body, which HEAD has none of.
 */
const deservesGet = (status: number) => [400, 403, 404, 405, 501].includes(status);

function failure(answer: Answer, credential: Credential | undefined): RegistryError {
  const { status, body, url, headers, secrets } = answer;
  if (status < 400) {
    return new RegistryError('status', `the registry answers ${status} where it has a manifest or an error`, {
      status,
      url,
    });
  }
  const retryAfter = readRetryAfter(headers['retry-after']);
  return errorFromAnswer(url, {
    status,
    body: body.toString('utf8'),
    retryAfter,
    secrets: [...secrets, ...(credential?.secrets ?? [])],
  });
}
