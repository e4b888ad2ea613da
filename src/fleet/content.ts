import { z } from 'zod';
import { type Digest, isDigest } from '../image/digest.ts';
import type { Reference } from '../image/reference.ts';
import { parseJson } from '../json.ts';

/** What a manifest leads to. */
export type ImageManifest = (
  | { kind: 'index'; children: readonly Child[] }
  /** A single image, known by its config: what containerd calls the image's id. */
  | { kind: 'image'; config: Digest }
  | { kind: 'other' }
) & {
  /** When the registry got it, as it says in `Last-Modified`; few say so. */
  lastModified: Date | undefined;
};

export interface Child {
  digest: Digest;
  /** `linux/arm64`, without a variant. */
  platform: string | undefined;
}

/** What a registry says to a question: the answer, that there is no such thing, or why it can't be known. */
export type Answer<T> =
  | { found: T; missing?: never; problem?: never }
  | { found?: never; missing: string; problem?: never }
  | { found?: never; missing?: never; problem: string };

/** A registry as somebody with credentials sees it. What is asked twice is answered from memory. Never rejects. */
export interface RegistryView {
  /** The digest of what the reference stands for now. */
  find(reference: Reference): Promise<Answer<Digest>>;
  /** What the repository has under a digest. */
  manifest(reference: Reference, digest: Digest): Promise<Answer<ImageManifest>>;
  /** When the image with this config was built, if the config says so. */
  built(reference: Reference, config: Digest): Promise<Date | undefined>;
}

const platform = z.object({ os: z.string(), architecture: z.string() }).nullish().catch(undefined);
const schema = z.object({
  manifests: z.array(z.object({ digest: z.string(), platform })).nullish(),
  config: z.object({ digest: z.string() }).nullish(),
});

/** What the bytes of a manifest lead to. */
export function readManifest(bytes: Buffer, lastModified: string | undefined): ImageManifest {
  const parsed = schema.safeParse(parseJson(bytes.toString('utf8')));
  const { manifests, config } = parsed.success ? parsed.data : {};
  const about = { lastModified: readDate(lastModified) };
  if (manifests) {
    const children = manifests.flatMap(({ digest, platform }): Child[] => {
      const name = platform ? `${platform.os}/${platform.architecture}` : undefined;
      // BuildKit lists its attestations as images for a platform that it calls unknown.
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

/** Builds that are to be reproducible say 1970, or 1980 for the sake of zip files: that is no time. */
const OLDEST = Date.UTC(1980, 0, 3);

function readDate(text: string | undefined): Date | undefined {
  const date = new Date(text ?? '');
  return Number.isNaN(date.getTime()) || date.getTime() < OLDEST ? undefined : date;
}

/** The children of an index that a node of that platform may run; all, where the platform isn't known. */
export function childrenFor(children: readonly Child[], wanted: string | undefined): readonly Child[] {
  if (wanted === undefined) return children;
  return children.filter(({ platform }) => platform === undefined || platform === wanted);
}
