import { setTimeout as delay } from 'node:timers/promises';
import type { Capability } from '../config/registry-settings.ts';
import { rewritten } from '../config/rewrite.ts';
import type { Credential } from '../credentials/credential.ts';
import { type Digest, isDigestOf } from '../image/digest.ts';
import { blobPath, manifestPath, type Reference } from '../image/reference.ts';
import { AuthorizedHttp, type Session } from './authorization.ts';
import type { Endpoint, Endpoints } from './endpoint.ts';
import { RegistryError } from './error.ts';
import { type HttpResponse, type Observer, RegistryHttp } from './http.ts';
import { ACCEPT, type Descriptor, describeBody, describeHeaders, mediaTypeOf } from './manifest.ts';
import { digestOf, failure, needsGet } from './manifest-response.ts';

/** A manifest or blob of a registry. */
export interface Content {
  mediaType: string;
  bytes: Buffer;
  /** The header `Last-Modified` as it was sent; few registries send one. */
  lastModified: string | undefined;
}

/** The time for a mirror, including its token server, before the next host is asked. */
const MIRROR_TIMEOUT_MS = 5_000;
/** The delays between checks whether a pull-through cache has imported an image. */
const IMPORT_DELAYS_MS = [250, 1_000];

/** What to request of a registry, and with which credential. */
interface ManifestRequest {
  reference: Reference;
  needed: Capability;
  credential: Credential | undefined;
  signal: AbortSignal;
  onRequest?: (() => void) | undefined;
  onFailure?: ((host: string, error: RegistryError) => void) | undefined;
}

/** A host that was asked before another one, and why that was. */
export interface HostFailure {
  host: string;
  error: RegistryError;
}

/**
 * A client for registries (OCI distribution specification) that resolves tags to digests.
 *
 * The first request is HEAD of the manifest, without a `/v2/` ping: the challenge in its response is the one for the
 * repository. It is remembered, so that the next request to the repository is authorized at once.
 */
export class RegistryClient {
  readonly #endpoints: Endpoints;
  readonly #http: AuthorizedHttp;

  constructor(endpoints: Endpoints, observe?: Observer) {
    this.#endpoints = endpoints;
    this.#http = new AuthorizedHttp(endpoints, new RegistryHttp(endpoints, observe));
  }

  /**
   * The digest and media type that the reference has now: of the index, never of one platform's manifest.
   *
   * Mirrors are asked before the registry itself, each after any failure of the one before it (containerd
   * core/remotes/docker/resolver.go, `Resolve`).
   *
   * @param onRequest called for each request sent, including those for tokens
   * @throws RegistryError
   */
  async resolve(
    reference: Reference,
    credential: Credential | undefined,
    signal: AbortSignal,
    onRequest?: () => void,
  ): Promise<Descriptor> {
    const needed = reference.digest === undefined ? 'resolve' : 'pull';
    return this.#askInOrder({ reference, needed, credential, signal, onRequest }, (session, asked) =>
      this.#resolveAt(session, asked),
    );
  }

  /**
   * Looks for a digest where a node pulls it: at the mirrors that may serve it, then at the registry itself, until one has it.
   * Undefined if there is no mirror, because a digest that the registry has just told needs no second look.
   *
   * @throws RegistryError if none has it
   */
  async findAtMirrors(
    reference: Reference & { digest: Digest },
    credential: Credential | undefined,
    signal: AbortSignal,
  ): Promise<HostFailure[] | undefined> {
    const [first] = this.#endpoints.inOrder(reference.domain, 'pull');
    if (first === undefined || first.namespace === undefined) return undefined;
    const failures: HostFailure[] = [];
    const onFailure = (host: string, error: RegistryError) => failures.push({ host, error });
    await this.#askInOrder({ reference, needed: 'pull', credential, signal, onFailure }, (session, asked) =>
      this.#resolveAt(session, asked),
    );
    return failures;
  }

  /**
   * The manifest or blob with a digest in the reference's repository. Its bytes are verified.
   *
   * @throws RegistryError
   */
  async content(
    reference: Reference,
    { kind, digest }: { kind: 'manifest' | 'blob'; digest: Digest },
    credential: Credential | undefined,
    signal: AbortSignal,
  ): Promise<Content> {
    return this.#askInOrder({ reference, needed: 'pull', credential, signal }, async (session, asked) => {
      const { base } = session.endpoint;
      const path =
        kind === 'blob'
          ? blobPath(asked, digest, base.pathname)
          : manifestPath({ ...asked, digest }, base.pathname);
      const get = await this.#send(session, 'GET', urlAt(session.endpoint, path));
      if (get.status !== 200) throw failure(get, credential);
      if (!isDigestOf(digest, get.body)) {
        throw new RegistryError('digest_mismatch', `the ${kind} doesn't have the requested digest`, {
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

  /** Asks the mirrors, then the registry itself, until one succeeds. */
  async #askInOrder<T>(
    { reference, needed, credential, signal, onRequest, onFailure }: ManifestRequest,
    ask: (session: Session, reference: Reference) => Promise<T>,
  ): Promise<T> {
    const endpoints = this.#endpoints.inOrder(reference.domain, needed);
    const errors: RegistryError[] = [];
    for (const [index, endpoint] of endpoints.entries()) {
      const isLast = index === endpoints.length - 1;
      const asked = { ...reference, path: rewritten(reference.path, endpoint.rewrites) };
      const session = {
        endpoint,
        repository: asked.path,
        credential: endpoint.takesCredentials ? credential : undefined,
        signal: isLast ? signal : AbortSignal.any([signal, AbortSignal.timeout(MIRROR_TIMEOUT_MS)]),
        onRequest,
      };
      try {
        return await ask(session, asked);
      } catch (error) {
        const mirrorTimedOut = session.signal.aborted && !signal.aborted;
        if (!(error instanceof RegistryError) && !mirrorTimedOut) throw error;
        const failure = error instanceof RegistryError ? error : mirrorTimeout(endpoint, error);
        errors.push(failure);
        onFailure?.(endpoint.host, failure);
        if (signal.aborted) break;
      }
    }
    throw mostInformative(errors) ?? noHost(reference);
  }

  #resolveAt(session: Session, reference: Reference): Promise<Descriptor> {
    const isPullThrough = session.endpoint.pullThrough.some((prefix) =>
      reference.path.startsWith(`${prefix}/`),
    );
    return isPullThrough && reference.digest === undefined
      ? this.#import(session, reference)
      : this.#describe(session, urlOf(session.endpoint, reference));
  }

  async #describe(session: Session, url: URL): Promise<Descriptor> {
    const head = await this.#send(session, 'HEAD', url);
    if (head.status === 200) {
      const descriptor = describeHeaders(head.url, mediaTypeOf(head.headers['content-type']), digestOf(head));
      if (descriptor !== undefined) return descriptor;
    } else if (!needsGet(head.status)) {
      throw failure(head, session.credential);
    }
    return this.#read(session, url);
  }

  async #read(session: Session, url: URL): Promise<Descriptor> {
    const get = await this.#send(session, 'GET', url);
    if (get.status !== 200) throw failure(get, session.credential);
    return describeBody(get.url, mediaTypeOf(get.headers['content-type']), get.body, digestOf(get));
  }

  /**
   * ECR's pull-through cache imports an image when it is pulled by tag, but not by digest (AWS containers-roadmap #2837).
   * So the tag is pulled here, and then HEAD by digest shows whether the node's pull will succeed.
   */
  async #import(session: Session, reference: Reference): Promise<Descriptor> {
    const descriptor = await this.#read(session, urlOf(session.endpoint, reference));
    const byDigest = urlOf(session.endpoint, reference, descriptor.digest);
    for (const wait of [...IMPORT_DELAYS_MS, undefined]) {
      const head = await this.#send(session, 'HEAD', byDigest);
      if (head.status === 200) return descriptor;
      if (head.status !== 404) throw failure(head, session.credential);
      if (wait !== undefined) await delay(wait);
    }
    throw new RegistryError('not_found', "the pull-through cache has the tag, but not yet the tag's digest", {
      status: 404,
      url: byDigest,
    });
  }

  #send(session: Session, method: 'HEAD' | 'GET', url: URL): Promise<HttpResponse> {
    return this.#http.send(session, { method, url, headers: { accept: ACCEPT } });
  }
}

/** The URL of the manifest at this endpoint. */
function urlOf(endpoint: Endpoint, reference: Reference, digest?: Digest): URL {
  const target = digest === undefined ? reference : { ...reference, digest };
  return urlAt(endpoint, manifestPath(target, endpoint.base.pathname));
}

/** The URL of a path at this endpoint; for a mirror it names the registry. */
export function urlAt({ base, namespace }: Endpoint, path: string): URL {
  const url = new URL(path, base);
  if (namespace !== undefined) url.searchParams.set('ns', namespace);
  return url;
}

/** The error of the last host that responded, which is the registry itself unless only mirrors did; else the last. */
function mostInformative(errors: readonly RegistryError[]): RegistryError | undefined {
  return errors.findLast(({ status }) => status !== undefined) ?? errors.at(-1);
}

const mirrorTimeout = ({ base }: Endpoint, cause: unknown) =>
  new RegistryError('timeout', 'no answer in time', { url: base, cause });

const noHost = ({ domain }: Reference) =>
  new RegistryError('forbidden_address', `the configuration allows no host to resolve tags of ${domain}`);
