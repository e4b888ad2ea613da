import { z } from 'zod';
import type { Credential } from '../credentials/credential.ts';
import { type Digest, isDigestOf, parseDigest, sha256 } from '../image/digest.ts';
import { manifestPath, type Reference } from '../image/reference.ts';
import { parseJson } from '../json.ts';
import { AuthorizedHttp, type Session } from './authorization.ts';
import { urlAt } from './client.ts';
import type { Endpoints } from './endpoint.ts';
import { RegistryError } from './error.ts';
import { type HttpResponse, type Observer, RegistryHttp } from './http.ts';
import { ACCEPT, type Descriptor, describeBody, describeHeaders, mediaTypeOf } from './manifest.ts';
import { digestOf, failure, needsGet } from './manifest-response.ts';
import type { Actions } from './token.ts';

/** A manifest as an index names it. */
export interface SizedDescriptor extends Descriptor {
  /** Bytes of the manifest. */
  size: number;
}

export interface Manifest extends SizedDescriptor {
  bytes: Buffer;
}

/** A manifest to be pushed. */
export type NewManifest = Pick<Manifest, 'mediaType' | 'bytes'>;

/** With which credential, and for how long. */
export interface OriginRequest {
  credential: Credential | undefined;
  signal: AbortSignal;
}

/** Tags in one answer, where the registry heeds it. */
const TAGS_PER_PAGE = 1_000;
const MAX_TAG_PAGES = 200;

/**
 * Manifests at the registry itself, never at a mirror: what it has, and pushes (OCI distribution specification, "Push").
 * It doesn't delete.
 */
export class OriginClient {
  readonly #endpoints: Endpoints;
  readonly #http: AuthorizedHttp;

  constructor(endpoints: Endpoints, observe?: Observer) {
    this.#endpoints = endpoints;
    this.#http = new AuthorizedHttp(endpoints, new RegistryHttp(endpoints, observe));
  }

  /**
   * The digest, media type and size of a manifest, by HEAD where that tells them.
   *
   * @throws RegistryError `not_found` if there is none
   */
  async describe(reference: Reference, request: OriginRequest): Promise<SizedDescriptor> {
    const session = this.#session(reference, request, 'pull');
    const url = urlAt(session.endpoint, manifestPath(reference, session.endpoint.base.pathname));
    const head = await this.#http.send(session, { method: 'HEAD', url, headers: { accept: ACCEPT } });
    if (head.status === 200) {
      const size = Number(head.headers['content-length']);
      const found = describeHeaders(head.url, mediaTypeOf(head.headers['content-type']), digestOf(head));
      const isAsked = reference.digest === undefined || reference.digest === found?.digest;
      if (found !== undefined && isAsked && size > 0) return { ...found, size };
    } else if (!needsGet(head.status)) {
      throw failure(head, session.credential);
    }
    const { bytes: _, ...descriptor } = await this.read(reference, request);
    return descriptor;
  }

  /**
   * A manifest with its bytes, which are verified if it is asked for by digest.
   *
   * @throws RegistryError `not_found` if there is none
   */
  async read(reference: Reference, request: OriginRequest): Promise<Manifest> {
    const session = this.#session(reference, request, 'pull');
    const url = urlAt(session.endpoint, manifestPath(reference, session.endpoint.base.pathname));
    const get = await this.#http.send(session, { method: 'GET', url, headers: { accept: ACCEPT } });
    if (get.status !== 200) throw failure(get, session.credential);
    const { body: bytes } = get;
    const described = describeBody(get.url, mediaTypeOf(get.headers['content-type']), bytes, digestOf(get));
    const digest = reference.digest ?? described.digest;
    if (!isDigestOf(digest, bytes)) throw otherManifest(get.url);
    return { digest, mediaType: described.mediaType, size: bytes.length, bytes };
  }

  /**
   * Sets a tag to a manifest, and returns the manifest's digest.
   *
   * @throws RegistryError
   */
  async push(reference: Reference, manifest: NewManifest, request: OriginRequest): Promise<Digest> {
    const session = this.#session(reference, request, 'pull,push');
    const url = urlAt(session.endpoint, manifestPath(reference, session.endpoint.base.pathname));
    const put = await this.#http.send(session, {
      method: 'PUT',
      url,
      headers: { 'content-type': manifest.mediaType },
      body: manifest.bytes,
    });
    if (put.status < 200 || put.status > 299) throw failure(put, session.credential);
    const digest = sha256(manifest.bytes);
    const stored = digestOf(put);
    if (stored?.startsWith('sha256:') && parseDigest(stored) !== digest) throw otherManifest(put.url);
    return digest;
  }

  /**
   * The tags of a repository; none if there is no such repository.
   *
   * @throws RegistryError
   */
  async tags(reference: Reference, request: OriginRequest): Promise<string[]> {
    const session = this.#session(reference, request, 'pull');
    const { base } = session.endpoint;
    const first = urlAt(session.endpoint, `${base.pathname}${reference.path}/tags/list`);
    first.searchParams.set('n', String(TAGS_PER_PAGE));
    const tags: string[] = [];
    let url: URL | undefined = first;
    for (let page = 0; url !== undefined; page++) {
      if (page === MAX_TAG_PAGES)
        throw new RegistryError('too_large', 'the repository has too many tags', { url });
      const get: HttpResponse = await this.#http.send(session, {
        method: 'GET',
        url,
        headers: { accept: 'application/json' },
      });
      if (get.status === 404) return tags;
      if (get.status !== 200) throw failure(get, session.credential);
      tags.push(...readTags(get));
      url = nextPage(get, first);
    }
    return tags;
  }

  #session(reference: Reference, { credential, signal }: OriginRequest, actions: Actions): Session {
    const endpoint = this.#endpoints.origin(reference.domain);
    return {
      endpoint,
      repository: reference.path,
      actions,
      credential: endpoint.takesCredentials ? credential : undefined,
      signal,
    };
  }
}

const tagList = z.object({ tags: z.array(z.string()).nullish() });

function readTags({ url, status, body }: HttpResponse): string[] {
  const parsed = tagList.safeParse(parseJson(body.toString('utf8')));
  if (parsed.success) return parsed.data.tags ?? [];
  throw new RegistryError('bad_body', "the response isn't a list of tags", { url, status });
}

/** The next page, by the header `Link` (RFC 5988). Only its query counts: behind a proxy, a registry may not know its address. */
function nextPage({ url, headers }: HttpResponse, first: URL): URL | undefined {
  const { link } = headers;
  const [, target] = /<([^>]*)>\s*;[^,]*\brel="?next"?/i.exec(typeof link === 'string' ? link : '') ?? [];
  if (target === undefined || !URL.canParse(target, url)) return undefined;
  const next = new URL(first);
  next.search = new URL(target, url).search;
  return next.href === url.href ? undefined : next;
}

const otherManifest = (url: URL) =>
  new RegistryError('digest_mismatch', "the manifest doesn't have the digest that was asked for", { url });
