import { z } from 'zod';
import { type Digest, isDigest } from '../image/digest.ts';
import type { Reference } from '../image/reference.ts';
import { parseJson } from '../json.ts';

/** The content of an image manifest or an index. */
export type ImageManifest = (
  | { kind: 'index'; children: readonly Child[] }
  /** A single image. containerd uses the config's digest as the image's id. */
  | { kind: 'image'; config: Digest }
  | { kind: 'other' }
) & {
  /** When the registry received it, by `Last-Modified`, which few registries send. */
  lastModified: Date | undefined;
};

export interface Child {
  digest: Digest;
  /** `linux/arm64`, without a variant. */
  platform: string | undefined;
}

/** A registry's answer: what was asked for, that the repository doesn't have it, or why that isn't known. */
export type RegistryAnswer<T> =
  | { found: T; missing?: never; problem?: never }
  | { found?: never; missing: string; problem?: never }
  | { found?: never; missing?: never; problem: string };

/** A registry as seen with some pods' credentials. Answers are remembered. Never rejects. */
export interface RegistryView {
  /** The digest that the reference resolves to now. */
  find(reference: Reference): Promise<RegistryAnswer<Digest>>;
  /** The repository's content for a digest. */
  manifest(reference: Reference, digest: Digest): Promise<RegistryAnswer<ImageManifest>>;
  /** When the image was built, if its config says so. */
  built(reference: Reference, config: Digest): Promise<Date | undefined>;
}

const platform = z.object({ os: z.string(), architecture: z.string() }).nullish().catch(undefined);
const schema = z.object({
  manifests: z.array(z.object({ digest: z.string(), platform })).nullish(),
  config: z.object({ digest: z.string() }).nullish(),
});

/** Parses an image manifest or an index. */
export function readManifest(bytes: Buffer, lastModified: string | undefined): ImageManifest {
  const parsed = schema.safeParse(parseJson(bytes.toString('utf8')));
  const { manifests, config } = parsed.success ? parsed.data : {};
  const about = { lastModified: readDate(lastModified) };
  if (manifests) {
    const children = manifests.flatMap(({ digest, platform }): Child[] => {
      const name = platform ? `${platform.os}/${platform.architecture}` : undefined;
      // BuildKit lists its attestations as images for the platform unknown/unknown.
      return isDigest(digest) && name !== 'unknown/unknown' ? [{ digest, platform: name }] : [];
    });
    return { kind: 'index', children, ...about };
  }
  if (config && isDigest(config.digest)) return { kind: 'image', config: config.digest, ...about };
  return { kind: 'other', ...about };
}

const configSchema = z.object({ created: z.string().nullish() });

/** When an image was built, by its config (OCI image specification, config.md, `created`). */
export function readBuilt(bytes: Buffer): Date | undefined {
  const parsed = configSchema.safeParse(parseJson(bytes.toString('utf8')));
  return parsed.success ? readDate(parsed.data.created ?? undefined) : undefined;
}

/** Reproducible builds set 1970, or 1980 for zip files, which isn't a real time. */
const OLDEST = Date.UTC(1980, 0, 3);

function readDate(text: string | undefined): Date | undefined {
  const date = new Date(text ?? '');
  return Number.isNaN(date.getTime()) || date.getTime() < OLDEST ? undefined : date;
}

/** The children of an index that a node of this platform may run; all of them if the platform isn't known. */
export function childrenFor(children: readonly Child[], wanted: string | undefined): readonly Child[] {
  if (wanted === undefined) return children;
  return children.filter(({ platform }) => platform === undefined || platform === wanted);
}
