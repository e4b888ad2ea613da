import { z } from 'zod';
import { type Digest, isDigest } from '../image/digest.ts';
import { parseJson } from '../json.ts';
import type { NewManifest, SizedDescriptor } from '../registry/origin.ts';

/** The media type of an index (OCI image specification, image-index.md). */
const INDEX = 'application/vnd.oci.image.index.v1+json';
/** What the index is, so that nothing takes it for an image. */
const ARTIFACT_TYPE = 'application/vnd.tagpin.keep.v1';
const CLUSTER = 'dev.tagpin.keep.cluster';
const UID = 'dev.tagpin.keep.uid';

/** The cluster that a hold belongs to. */
export interface Holder {
  /** As in the tags. */
  cluster: string;
  /** What tells it from another cluster of that name; undefined if it isn't known. */
  uid: string | undefined;
}

export interface Hold extends Holder {
  /** What it keeps, sorted by digest. */
  manifests: readonly SizedDescriptor[];
}

/**
 * The index that keeps manifests. It has no platforms, so that no runtime chooses an image from it, and equal holds are equal
 * bytes. An empty one keeps nothing.
 */
export function printHold({ cluster, uid, manifests }: Hold): NewManifest {
  const sorted = manifests
    .map(({ mediaType, digest, size }) => ({ mediaType, digest, size }))
    .sort((a, b) => (a.digest < b.digest ? -1 : 1));
  const annotations = { [CLUSTER]: cluster, ...(uid === undefined ? {} : { [UID]: uid }) };
  const index = {
    schemaVersion: 2,
    mediaType: INDEX,
    artifactType: ARTIFACT_TYPE,
    manifests: sorted,
    annotations,
  };
  return { mediaType: INDEX, bytes: Buffer.from(JSON.stringify(index)) };
}

const schema = z.object({
  artifactType: z.literal(ARTIFACT_TYPE),
  manifests: z.array(
    z.object({ mediaType: z.string(), digest: z.string().refine(isDigest), size: z.number() }),
  ),
  annotations: z.object({ [CLUSTER]: z.string(), [UID]: z.string().optional() }),
});

/** The hold in a manifest; undefined if it is anything else. */
export function readHold(bytes: Buffer): Hold | undefined {
  const parsed = schema.safeParse(parseJson(bytes.toString('utf8')));
  if (!parsed.success) return undefined;
  const { manifests, annotations } = parsed.data;
  return { cluster: annotations[CLUSTER] ?? '', uid: annotations[UID], manifests };
}

/** Whether a hold is the holder's. One that names a uid isn't, if the holder's is another or unknown. */
export function isOf(hold: Holder, { cluster, uid }: Holder): boolean {
  return hold.cluster === cluster && (hold.uid === undefined || hold.uid === uid);
}

const indexSchema = z.object({ manifests: z.array(z.object({ digest: z.string().refine(isDigest) })) });

/** The digests that an index refers to; none if it is no index. */
export function childrenOf(bytes: Buffer): Digest[] {
  const parsed = indexSchema.safeParse(parseJson(bytes.toString('utf8')));
  return parsed.success ? parsed.data.manifests.map(({ digest }) => digest) : [];
}
