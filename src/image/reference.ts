import type { Digest } from './digest.ts';
import { hasUpperCase, matchReference, type ReferenceParts, splitReference } from './grammar.ts';
import { InvalidReference } from './invalid-reference.ts';

export { InvalidReference, matchReference, type ReferenceParts };

/** An image reference: its parts, Docker Hub's short names expanded, beside the spelling it had. */
export interface Reference extends ReferenceParts {
  /** The whole reference as it was written. */
  readonly original: string;
  /** The name as it was written, with neither tag nor digest. */
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

/** The reference in full, as far as it was written: `docker.io/library/nginx:1.27@sha256:…`. */
export function canonical(reference: ReferenceParts): string {
  return print(repository(reference), reference);
}

/** The reference as Docker shows it: `nginx:1.27` (distribution/reference v0.6.0, `FamiliarString`). */
export function familiar(reference: ReferenceParts): string {
  if (reference.domain !== DOCKER_HUB) return canonical(reference);
  const name = /^library\/([^/]+)$/.exec(reference.path)?.[1] ?? reference.path;
  return print(name, reference);
}

/**
 * What containerd pulls (`ParseDockerRef`): a digest displaces the tag, and neither of them means `latest`.
 */
export function pullReference(reference: ReferenceParts): string {
  const { digest } = reference;
  return print(repository(reference), digest ? { digest } : { tag: tagOrLatest(reference) });
}

/**
 * The tag as the kubelet reads it (kubernetes pkg/util/parsers/parsers.go): `latest` if neither tag nor
 * digest was written, empty if only a digest was. Where this is `latest`, the default pull policy is
 * `Always`.
 */
export function tagOrLatest({ tag, digest }: ReferenceParts): string {
  return tag ?? (digest === undefined ? DEFAULT_TAG : '');
}

/**
 * The host that serves the distribution API for a domain; undefined for the empty domain. `ex_ample.com/foo`
 * has that: a valid reference, but its first component, dot and all, is part of the path, and nobody can
 * resolve it.
 */
export function apiHost(domain: string): string | undefined {
  if (domain === '') return undefined;
  return domain === DOCKER_HUB ? 'registry-1.docker.io' : domain;
}

/** The path of the manifest on {@link apiHost} (OCI distribution specification, `end-3`), or below another API root. */
export function manifestPath(reference: ReferenceParts, root = '/v2/'): string {
  return `${root}${reference.path}/manifests/${reference.digest ?? tagOrLatest(reference)}`;
}

/** The path of what else a repository holds, by its digest (OCI distribution specification, `end-2`). */
export function blobPath({ path }: ReferenceParts, digest: Digest, root = '/v2/'): string {
  return `${root}${path}/blobs/${digest}`;
}

/**
 * The image to write in place of the reference so that it stays at `digest`. The name is kept as it was
 * written: `nginx:1.27` becomes `nginx@sha256:…`, or `nginx:1.27@sha256:…` with `keepTag`.
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
