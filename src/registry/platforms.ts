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

/** The configs that say which platform an image is for; those of other artifacts may be anything. */
const configTypes = [
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
];

/** The platforms that a manifest tells of, or the config that knows its only one. */
export type Platforms = { platforms: string[] } | { config: Digest };

/** What a manifest's bytes tell of platforms: an index lists them, a single image leaves it to its config. */
export function platformsOf(bytes: Buffer): Platforms {
  const parsed = manifest.safeParse(parseJson(bytes.toString('utf8')));
  const { manifests = [], config } = parsed.success ? parsed.data : {};
  if (config !== undefined && configTypes.includes(config.mediaType) && isDigest(config.digest)) {
    return { config: config.digest };
  }
  const written = manifests.flatMap(({ platform }) => (platform == null ? [] : [print(platform)]));
  // BuildKit lists its attestations as images for a platform that it calls unknown.
  return { platforms: [...new Set(written)].filter((text) => text !== 'unknown/unknown') };
}

/** The platform that an image's config is for, if it says so. */
export function platformOfConfig(bytes: Buffer): string[] {
  const parsed = platform.safeParse(parseJson(bytes.toString('utf8')));
  return parsed.success && parsed.data.os !== '' ? [print(parsed.data)] : [];
}

/** As docker and crane write it: `linux/arm64/v8` (OCI image specification, image-index.md). */
function print({ os, architecture, variant }: z.infer<typeof platform>): string {
  return [os, architecture, ...(variant ? [variant] : [])].join('/');
}
