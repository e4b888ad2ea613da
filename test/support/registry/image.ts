import { randomUUID } from 'node:crypto';
import { sha256 } from './digest.ts';
import { layer } from './layer.ts';
import { dockerFormat, dockerManifestList, ociFormat, ociIndex } from './media-types.ts';

/** A manifest with everything it refers to, ready to push. */
export interface Image {
  readonly digest: string;
  readonly mediaType: string;
  /** The manifest, byte for byte. */
  readonly bytes: Buffer;
  /** Config and layers. */
  readonly blobs: readonly Buffer[];
  /** The manifests of an index. */
  readonly children: readonly Image[];
  readonly platform?: Platform;
}

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

export interface ImageOptions {
  /** The content of the image's only file. By default each image has another, like a new build. */
  readonly content?: string;
  /** The `config` of the image's configuration: Env, Cmd, Labels. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** By default linux/amd64. */
  readonly platform?: Platform;
  readonly annotations?: Readonly<Record<string, string>>;
  /** The build time in its configuration; by default there is none. */
  readonly created?: string;
}

export interface IndexOptions {
  readonly annotations?: Readonly<Record<string, string>>;
  /** Leaves the `mediaType` out of the body, as the OCI specification once allowed. */
  readonly withoutMediaType?: boolean;
}

/** A single OCI image. */
export function image(options: ImageOptions = {}): Image {
  return build(ociFormat, options);
}

/** A single image in Docker's own format (schema 2). */
export function dockerImage(options: ImageOptions = {}): Image {
  return build(dockerFormat, options);
}

/** An OCI image index. */
export function index(children: readonly Image[], options: IndexOptions = {}): Image {
  return list(ociIndex, children, options);
}

/** A Docker manifest list. */
export function dockerList(children: readonly Image[], options: IndexOptions = {}): Image {
  return list(dockerManifestList, children, options);
}

export interface OciArtifactOptions {
  /** The artifact type, for an artifact without a configuration. */
  readonly artifactType?: string;
  /** The configuration's media type, for an artifact identified by that. */
  readonly configMediaType?: string;
}

/** An OCI manifest that isn't an image: a chart, a signature (OCI image-spec manifest.md, "Guidelines for Artifact Usage"). */
export function ociArtifact(options: OciArtifactOptions): Image {
  const { artifactType, configMediaType = 'application/vnd.oci.empty.v1+json' } = options;
  const configuration = Buffer.from('{}');
  const content = Buffer.from(randomUUID());
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: ociFormat.manifest,
      artifactType,
      config: descriptor(configMediaType, configuration),
      layers: [descriptor('text/plain', content)],
    }),
  );
  const blobs = [configuration, content];
  return { digest: sha256(bytes), mediaType: ociFormat.manifest, bytes, blobs, children: [] };
}

/** Any bytes under any media type, for manifests that no builder creates. */
export function artifact(mediaType: string, content: string | Buffer): Image {
  const bytes = Buffer.from(content);
  return { digest: sha256(bytes), mediaType, bytes, blobs: [], children: [] };
}

function build(format: typeof ociFormat | typeof dockerFormat, options: ImageOptions): Image {
  const { content = randomUUID(), config = {}, annotations, created } = options;
  const platform = options.platform ?? { os: 'linux', architecture: 'amd64' };
  const { compressed, diffId } = layer({ content });
  const configuration = Buffer.from(
    JSON.stringify({ ...platform, created, config, rootfs: { type: 'layers', diff_ids: [diffId] } }),
  );
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: format.manifest,
      config: descriptor(format.config, configuration),
      layers: [descriptor(format.layer, compressed)],
      annotations,
    }),
  );
  const blobs = [configuration, compressed];
  return { digest: sha256(bytes), mediaType: format.manifest, bytes, blobs, children: [], platform };
}

function list(mediaType: string, children: readonly Image[], options: IndexOptions): Image {
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: options.withoutMediaType ? undefined : mediaType,
      manifests: children.map((child) => ({
        ...descriptor(child.mediaType, child.bytes),
        platform: child.platform,
      })),
      annotations: options.annotations,
    }),
  );
  return { digest: sha256(bytes), mediaType, bytes, blobs: [], children };
}

function descriptor(mediaType: string, bytes: Buffer) {
  return { mediaType, digest: sha256(bytes), size: bytes.length };
}
