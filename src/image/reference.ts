import type { Digest } from './digest.ts';
import { hasUpperCase, matchReference, type ReferenceParts, splitReference } from './grammar.ts';
import { InvalidReference } from './invalid-reference.ts';

export { InvalidReference, matchReference, type ReferenceParts };

/** An image reference: its parts, with Docker Hub's short names expanded, and its original spelling. */
export interface Reference extends ReferenceParts {
  /** The whole reference as written. */
  readonly original: string;
  /** The name as written, without tag and digest. */
  readonly name: string;
}

const DOCKER_HUB = 'docker.io';
const LEGACY_DOCKER_HUB = 'index.docker.io';
const OFFICIAL = 'library/';
const DEFAULT_TAG = 'latest';
const IDENTIFIER = /^[a-f0-9]{64}$/;

/**
 * Parses an image reference as the kubelet and containerd do (distribution/reference v0.6.0,
 * `ParseNormalizedNamed`): `nginx` is `docker.io/library/nginx`. No tag is added: see {@link tagOrLatest}.
 *
 * @throws {InvalidReference} with the reason; takes linear time whatever the input.
 */
export function parseReference(text: string): Reference {
  if (IDENTIFIER.test(text)) throw new InvalidReference(text, 'identifier64');
  const { domain, remainder } = splitDomain(text);
  const [beforeColon = ''] = remainder.split(':', 1);
  if (hasUpperCase(beforeColon)) throw new InvalidReference(text, 'uppercase');
  const parts = matchReference(`${domain}/${remainder}`, text);
  return { original: text, name: splitReference(text).name, ...parts };
}

/**
 * `docker.io/library/nginx`: what pull secrets are matched against (kubernetes pkg/util/parsers/parsers.go).
 */
export function repository({ domain, path }: ReferenceParts): string {
  return domain === '' ? path : `${domain}/${path}`;
}

/** The reference with its full name: `docker.io/library/nginx:1.27@sha256:…`. No tag or digest is added. */
export function canonical(reference: ReferenceParts): string {
  return print(repository(reference), reference);
}

/** The reference in Docker's short form: `nginx:1.27` (distribution/reference v0.6.0, `FamiliarString`). */
export function familiar(reference: ReferenceParts): string {
  if (reference.domain !== DOCKER_HUB) return canonical(reference);
  const name = /^library\/([^/]+)$/.exec(reference.path)?.[1] ?? reference.path;
  return print(name, reference);
}

/**
 * The reference that containerd pulls (`ParseDockerRef`): a digest replaces the tag, and `latest` is the default tag.
 */
export function pullReference(reference: ReferenceParts): string {
  const { digest } = reference;
  return print(repository(reference), digest ? { digest } : { tag: tagOrLatest(reference) });
}

/**
 * The tag to the kubelet (kubernetes pkg/util/parsers/parsers.go): `latest` without tag and digest, empty with only a
 * digest. For `latest` the default pull policy is `Always`.
 */
export function tagOrLatest({ tag, digest }: ReferenceParts): string {
  return tag ?? (digest === undefined ? DEFAULT_TAG : '');
}

/**
 * The host of the distribution API for a domain; undefined for the empty domain. `ex_ample.com/foo` has that: a valid
 * reference, but its first component is part of the path, so it can't be resolved.
 */
export function apiHost(domain: string): string | undefined {
  if (domain === '') return undefined;
  return domain === DOCKER_HUB ? 'registry-1.docker.io' : domain;
}

/** The path of the manifest below an API root (OCI distribution specification, `end-3`). */
export function manifestPath(reference: ReferenceParts, root = '/v2/'): string {
  return `${root}${reference.path}/manifests/${reference.digest ?? tagOrLatest(reference)}`;
}

/** The path of a blob below an API root (OCI distribution specification, `end-2`). */
export function blobPath({ path }: ReferenceParts, digest: Digest, root = '/v2/'): string {
  return `${root}${path}/blobs/${digest}`;
}

/**
 * The reference pinned to `digest`. The name stays as written: `nginx:1.27` becomes `nginx@sha256:…`, or with `keepTag`
 * `nginx:1.27@sha256:…`.
 */
export function pinned({ name, tag }: Reference, digest: Digest, { keepTag = false } = {}): string {
  return print(name, keepTag ? { tag, digest } : { digest });
}

function print(name: string, { tag, digest }: Pick<ReferenceParts, 'tag' | 'digest'>): string {
  return `${name}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

/** distribution/reference v0.6.0, normalize.go, `splitDockerDomain`. */
function splitDomain(text: string): { domain: string; remainder: string } {
  const slash = text.indexOf('/');
  const first = text.slice(0, Math.max(slash, 0));
  const isDomain = first === 'localhost' || /[.:]/.test(first) || hasUpperCase(first);
  const domain = !isDomain || first === LEGACY_DOCKER_HUB ? DOCKER_HUB : first;
  const remainder = isDomain ? text.slice(slash + 1) : text;
  const isOfficial = domain === DOCKER_HUB && !remainder.includes('/');
  return { domain, remainder: isOfficial ? OFFICIAL + remainder : remainder };
}
