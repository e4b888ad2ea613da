import { z } from 'zod';
import { type Digest, isDigest } from '../image/digest.ts';
import { parseJson } from '../json.ts';

const platform = z.object({
  os: z.string(),
  architecture: z.string(),
  variant: z.string().nullish(),
});

const manifest = z.object({
  manifests: z.array(z.object({ platform: platform.nullish().catch(undefined) })).optional(),
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

/** The platform in an image's config, given its bytes; empty if it names none. */
export function platformOfConfig(bytes: Buffer): string[] {
  const parsed = platform.safeParse(parseJson(bytes.toString('utf8')));
  return parsed.success && parsed.data.os !== '' ? [print(parsed.data)] : [];
}

/** In the notation of docker and crane: `linux/arm64/v8` (OCI image specification, image-index.md). */
function print({ os, architecture, variant }: z.infer<typeof platform>): string {
  return [os, architecture, ...(variant ? [variant] : [])].join('/');
}
