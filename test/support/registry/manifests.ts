import { z } from 'zod';
import type { ReceivedRequest, Reply } from '../answering.ts';
import { isDigest, sha256 } from './digest.ts';
import { errorReply } from './errors.ts';
import { dockerManifest, dockerManifestList, ociIndex, ociManifest } from './media-types.ts';
import type { Manifest, Repositories, Repository } from './repository.ts';

/** Answers `/v2/<name>/manifests/<reference>`. */
export function answerManifest(
  repositories: Repositories,
  name: string,
  reference: string,
  request: ReceivedRequest,
): Reply {
  switch (request.method) {
    case 'GET':
    case 'HEAD':
      return getManifest(repositories.find(name), name, reference, request);
    case 'PUT':
      return putManifest(repositories.at(name), name, reference, request);
    case 'DELETE':
      return repositories.find(name)?.delete(reference) ? { status: 202 } : unknown(name, reference);
    default:
      return errorReply('UNSUPPORTED');
  }
}

function getManifest(
  repository: Repository | undefined,
  name: string,
  reference: string,
  request: ReceivedRequest,
): Reply {
  const byTag = !isDigest(reference);
  const found = repository?.manifest(byTag ? (repository.tagged(reference) ?? '') : reference);
  if (repository === undefined || found === undefined) return unknown(name, reference);

  const accepted = mediaTypes(request.headers.accept ?? '');
  if (found.mediaType === ociManifest && !accepted.has(ociManifest)) {
    return notAccepted('OCI manifest found, but accept header does not support OCI manifests');
  }
  if (found.mediaType === ociIndex && !accepted.has(ociIndex)) {
    return notAccepted('OCI index found, but accept header does not support OCI indexes');
  }
  const forOldClients = byTag && found.mediaType === dockerManifestList && !accepted.has(dockerManifestList);
  const manifest = forOldClients ? defaultPlatform(repository, found) : found;
  if (manifest === undefined) return errorReply('MANIFEST_UNKNOWN');
  if (forOldClients && !accepted.has(dockerManifest)) {
    return errorReply('MANIFEST_INVALID', { message: 'Schema 2 manifest not supported by client' });
  }

  const headers = {
    'Content-Type': manifest.mediaType,
    'Docker-Content-Digest': manifest.digest,
    Etag: `"${manifest.digest}"`,
  };
  const known = request.headers['if-none-match'];
  if (known === manifest.digest || known === headers.Etag) return { status: 304, headers };
  return { status: 200, headers, body: manifest.bytes };
}

function notAccepted(message: string): Reply {
  return errorReply('MANIFEST_UNKNOWN', { message });
}

function unknown(name: string, reference: string): Reply {
  const detail = isDigest(reference)
    ? `unknown manifest name=${name} revision=${reference}`
    : `unknown tag=${reference}`;
  return errorReply('MANIFEST_UNKNOWN', { detail });
}

/** Like distribution: ignores q-values and wildcards. */
function mediaTypes(accept: string): Set<string | undefined> {
  return new Set(accept.split(',').map((range) => range.split(';')[0]?.trim().toLowerCase()));
}

const descriptor = z.looseObject({
  digest: z.string(),
  platform: z.looseObject({ os: z.string(), architecture: z.string() }).optional(),
});

/** The fields of a manifest with its references. */
const manifestBody = z.looseObject({
  schemaVersion: z.literal(2),
  mediaType: z.string().optional(),
  config: descriptor.optional(),
  layers: z.array(descriptor).default([]),
  manifests: z.array(descriptor).default([]),
});

/** What distribution returns for a tag to a client that doesn't accept lists. */
function defaultPlatform(repository: Repository, list: Manifest): Manifest | undefined {
  const { manifests } = manifestBody.parse(JSON.parse(list.bytes.toString()));
  const child = manifests.find(
    ({ platform }) => platform?.os === 'linux' && platform.architecture === 'amd64',
  );
  return child && repository.manifest(child.digest);
}

const storable = new Set([ociManifest, ociIndex, dockerManifest, dockerManifestList]);

function putManifest(
  repository: Repository,
  name: string,
  reference: string,
  { body, headers }: ReceivedRequest,
): Reply {
  const mediaType = headers['content-type']?.split(';')[0]?.trim() ?? '';
  const parsed = parse(body);
  if (!storable.has(mediaType) || parsed === undefined || (parsed.mediaType ?? mediaType) !== mediaType) {
    return errorReply('MANIFEST_INVALID', { detail: `not a manifest of media type ${mediaType}` });
  }
  if (isDigest(reference) && reference !== sha256(body)) return errorReply('DIGEST_INVALID');
  const missing =
    [...(parsed.config ? [parsed.config] : []), ...parsed.layers].find(
      (blob) => !repository.blob(blob.digest),
    ) ?? parsed.manifests.find((child) => !repository.manifest(child.digest));
  if (missing) return errorReply('MANIFEST_BLOB_UNKNOWN', { detail: missing.digest });

  const digest = repository.addManifest(mediaType, body);
  if (!isDigest(reference)) repository.tag(reference, digest);
  return {
    status: 201,
    headers: { Location: `/v2/${name}/manifests/${digest}`, 'Docker-Content-Digest': digest },
  };
}

function parse(body: Buffer): z.infer<typeof manifestBody> | undefined {
  try {
    return manifestBody.parse(JSON.parse(body.toString()));
  } catch {
    return undefined;
  }
}
