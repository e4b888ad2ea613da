import { randomUUID } from 'node:crypto';
import type { ReceivedRequest, Reply } from '../answering.ts';
import { sha256 } from './digest.ts';
import { errorReply } from './errors.ts';
import type { Repositories } from './repository.ts';

interface Upload {
  readonly name: string;
  readonly received: Buffer;
}

/** Blob uploads: in one POST, in POST and PUT, in chunks, and by a mount from another repository. */
export class Uploads {
  readonly #repositories: Repositories;
  readonly #open = new Map<string, Upload>();

  constructor(repositories: Repositories) {
    this.#repositories = repositories;
  }

  /** Answers `POST /v2/<name>/blobs/uploads/`. */
  start(name: string, { method, query, body }: ReceivedRequest): Reply {
    if (method !== 'POST') return errorReply('UNSUPPORTED');
    const mounted = this.#repositories.find(query.get('from') ?? '')?.blob(query.get('mount') ?? '');
    if (mounted !== undefined) return this.#store(name, mounted);
    const digest = query.get('digest');
    if (digest !== null) return this.#finish(name, digest, body);
    const id = randomUUID();
    // a body without a digest is ignored: the upload starts empty
    return this.#keep(id, { name, received: Buffer.alloc(0) });
  }

  /** Answers `/v2/<name>/blobs/uploads/<id>`. */
  resume(name: string, id: string, request: ReceivedRequest): Reply {
    const upload = this.#open.get(id);
    if (upload === undefined || upload.name !== name) return errorReply('BLOB_UPLOAD_UNKNOWN');
    const received = Buffer.concat([upload.received, request.body]);
    switch (request.method) {
      case 'GET':
        return { ...this.#keep(id, upload), status: 204 };
      case 'PATCH':
        return misplaced(upload, request) ?? this.#keep(id, { name, received });
      case 'PUT':
        this.#open.delete(id);
        return misplaced(upload, request) ?? this.#finish(name, request.query.get('digest'), received);
      case 'DELETE':
        this.#open.delete(id);
        return { status: 204 };
      default:
        return errorReply('UNSUPPORTED');
    }
  }

  #keep(id: string, upload: Upload): Reply {
    this.#open.set(id, upload);
    return {
      status: 202,
      headers: {
        Location: `/v2/${upload.name}/blobs/uploads/${id}`,
        'Docker-Upload-UUID': id,
        Range: `0-${Math.max(0, upload.received.length - 1)}`,
      },
    };
  }

  #finish(name: string, digest: string | null, bytes: Buffer): Reply {
    return digest === sha256(bytes)
      ? this.#store(name, bytes)
      : errorReply('DIGEST_INVALID', { detail: digest });
  }

  #store(name: string, bytes: Buffer): Reply {
    const digest = this.#repositories.at(name).addBlob(bytes);
    return {
      status: 201,
      headers: { Location: `/v2/${name}/blobs/${digest}`, 'Docker-Content-Digest': digest },
    };
  }
}

/** The error for a chunk whose Content-Range doesn't continue the upload, or doesn't match its length. */
function misplaced(upload: Upload, { headers, body }: ReceivedRequest): Reply | undefined {
  const range = headers['content-range'];
  if (range === undefined) return undefined;
  const [, start, end] = /^(?:bytes )?(\d+)-(\d+)/.exec(range) ?? [];
  if (start === undefined || end === undefined) return errorReply('RANGE_INVALID');
  if (Number(start) !== upload.received.length) return errorReply('RANGE_INVALID');
  if (Number(end) - Number(start) + 1 !== body.length) return errorReply('SIZE_INVALID');
  return undefined;
}
