import type { ReceivedRequest, Reply } from '../answering.ts';
import { errorReply } from './errors.ts';
import type { Repositories } from './repository.ts';

/** Answers `/v2/<name>/blobs/<digest>`. */
export function answerBlob(
  repositories: Repositories,
  name: string,
  digest: string,
  { method, headers }: ReceivedRequest,
): Reply {
  if (method !== 'GET' && method !== 'HEAD') return errorReply('UNSUPPORTED');
  const blob = repositories.find(name)?.blob(digest);
  if (blob === undefined) return errorReply('BLOB_UNKNOWN', { detail: digest });
  const described = {
    'Content-Type': 'application/octet-stream',
    'Docker-Content-Digest': digest,
    Etag: `"${digest}"`,
    'Accept-Ranges': 'bytes',
  };
  // containerd sends a range when it resumes a download
  const start = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
  if (start === 0) return { status: 200, headers: described, body: blob };
  if (start >= blob.length) return { status: 416, headers: { 'Content-Range': `bytes */${blob.length}` } };
  return {
    status: 206,
    headers: { ...described, 'Content-Range': `bytes ${start}-${blob.length - 1}/${blob.length}` },
    body: blob.subarray(start),
  };
}
