import { z } from 'zod';
import { type Digest, EMPTY_DIGEST, isDigest, parseDigest, sha256 } from '../image/digest.ts';
import { parseJson } from '../json.ts';
import { RegistryError } from './error.ts';

/**
 * The media types for `Accept`: all four, and no wildcard. Without the index types registries answer with the manifest of
 * one platform, whose digest other nodes can't run.
 */
export const manifestTypes = [
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
] as const;
export const ACCEPT = manifestTypes.join(', ');

/** The manifest or index that a tag points to. */
export interface Descriptor {
  digest: Digest;
  mediaType: string;
}

/** The media type of a `Content-Type`, in lower case; empty if there is none. */
export function mediaTypeOf(contentType: string | string[] | undefined): string {
  return typeof contentType === 'string' ? (contentType.split(';')[0] ?? '').trim().toLowerCase() : '';
}

/** Whether manifests of that media type refer to others. */
export const isIndex = (mediaType: string) =>
  [manifestTypes[0], manifestTypes[2]].some((type) => type === mediaType);

const isManifestType = (mediaType: string) => manifestTypes.some((type) => type === mediaType);
const isSchema1 = (mediaType: string) =>
  mediaType.startsWith('application/vnd.docker.distribution.manifest.v1');

/**
 * The descriptor in the headers of a HEAD. Undefined if they have no valid digest or no manifest's media type, so that
 * the manifest itself must be read.
 *
 * @throws RegistryError `unsupported_media_type` for schema 1, which can't be pulled by digest
 */
export function describeHeaders(
  url: URL,
  contentType: string,
  digest: string | undefined,
): Descriptor | undefined {
  if (isSchema1(contentType)) throw schema1(url);
  if (!isManifestType(contentType) || digest === undefined || !isDigest(digest)) return undefined;
  const parsed = parseDigest(digest);
  return parsed === EMPTY_DIGEST ? undefined : { digest: parsed, mediaType: contentType };
}

const manifestBody = z.object({
  schemaVersion: z.number(),
  mediaType: z.string().optional(),
  manifests: z.array(z.unknown()).optional(),
  config: z.object({}).optional(),
  layers: z.array(z.unknown()).optional(),
});

/**
 * The descriptor of a manifest's bytes. They must be a manifest, because the digest of a login page would be pinned
 * otherwise. A digest in the headers must match them.
 *
 * @throws RegistryError `unsupported_media_type`, `not_a_manifest`, `media_type_mismatch` or `digest_mismatch`
 */
export function describeBody(
  url: URL,
  contentType: string,
  body: Buffer,
  claimed: string | undefined,
): Descriptor {
  if (isSchema1(contentType)) throw schema1(url);
  const manifest = manifestBody.safeParse(parseJson(body.toString('utf8')));
  if (!manifest.success) throw notAManifest(url, contentType);
  const { schemaVersion, mediaType, manifests, config, layers } = manifest.data;
  if (schemaVersion === 1) throw schema1(url);
  const isIndex = manifests !== undefined;
  if (schemaVersion !== 2 || (!isIndex && (config === undefined || layers === undefined))) {
    throw notAManifest(url, contentType);
  }
  if (mediaType !== undefined && isManifestType(contentType) && mediaType !== contentType) {
    throw new RegistryError(
      'media_type_mismatch',
      `the manifest says it is ${mediaType}, its header ${contentType}`,
      {
        url,
      },
    );
  }
  const type = mediaType ?? contentType;
  if (!isManifestType(type)) throw notAManifest(url, type);
  const digest = sha256(body);
  if (claimed?.startsWith('sha256:') && isDigest(claimed) && claimed !== digest) {
    throw new RegistryError(
      'digest_mismatch',
      "the manifest doesn't have the digest that the registry claims",
      { url },
    );
  }
  return { digest, mediaType: type };
}

const schema1 = (url: URL) =>
  new RegistryError('unsupported_media_type', 'the image has the old schema 1 format', { url });
const notAManifest = (url: URL, type: string) =>
  new RegistryError('not_a_manifest', `the response isn't an image manifest${type && ` (${type})`}`, { url });

const platform = z.object({
  os: z.string(),
  architecture: z.string(),
  variant: z.string().nullish(),
});

const manifest = z.object({
  manifests: z
    .array(z.object({ digest: z.string().default(''), platform: platform.nullish().catch(undefined) }))
    .optional(),
  config: z.object({ mediaType: z.string(), digest: z.string() }).optional(),
});

/** The media types of image configs, which name a platform; the configs of other artifacts needn't. */
const configTypes = [
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
];

/** The platforms in an index, or the digest of the config that names an image's one platform. */
export type Platforms = { platforms: string[] } | { config: Digest };

/** The platforms of a manifest, given its bytes. */
export function platformsOf(bytes: Buffer): Platforms {
  const parsed = manifest.safeParse(parseJson(bytes.toString('utf8')));
  const { manifests = [], config } = parsed.success ? parsed.data : {};
  if (config !== undefined && configTypes.includes(config.mediaType) && isDigest(config.digest)) {
    return { config: config.digest };
  }
  const written = manifests.flatMap(({ platform }) => (platform == null ? [] : [print(platform)]));
  // BuildKit lists attestations as images for the platform `unknown/unknown`.
  return { platforms: [...new Set(written)].filter((text) => text !== 'unknown/unknown') };
}

/** The manifests in an index that name their platform; none if it is no index. */
export function manifestsOf(bytes: Buffer): { digest: Digest; platform: string }[] {
  const parsed = manifest.safeParse(parseJson(bytes.toString('utf8')));
  const { manifests = [] } = parsed.success ? parsed.data : {};
  return manifests.flatMap(({ digest, platform }) =>
    platform == null || !isDigest(digest) ? [] : [{ digest, platform: print(platform) }],
  );
}

/** The platform in an image's config, given its bytes; empty if it names none. */
export function platformOfConfig(bytes: Buffer): string[] {
  const parsed = platform.safeParse(parseJson(bytes.toString('utf8')));
  return parsed.success && parsed.data.os !== '' ? [print(parsed.data)] : [];
}

/** In the notation of docker and crane: `linux/arm64/v8` (OCI image specification, image-index.md). */
function print({ os, architecture, variant }: z.infer<typeof platform>): string {
  return [os, architecture, ...(variant ? [variant] : [])].join('/');
}
