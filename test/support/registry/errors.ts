import { jsonReply, type Reply } from '../answering.ts';

/** The codes of the distribution specification, with distribution's statuses and messages. */
const errors = {
  UNAUTHORIZED: [401, 'authentication required'],
  DENIED: [403, 'requested access to the resource is denied'],
  NAME_INVALID: [400, 'invalid repository name'],
  NAME_UNKNOWN: [404, 'repository name not known to registry'],
  MANIFEST_UNKNOWN: [404, 'manifest unknown'],
  MANIFEST_INVALID: [400, 'manifest invalid'],
  MANIFEST_BLOB_UNKNOWN: [400, 'blob unknown to registry'],
  TAG_INVALID: [400, 'manifest tag did not match URI'],
  DIGEST_INVALID: [400, 'provided digest did not match uploaded content'],
  SIZE_INVALID: [400, 'provided length did not match content length'],
  BLOB_UNKNOWN: [404, 'blob unknown to registry'],
  BLOB_UPLOAD_UNKNOWN: [404, 'blob upload unknown to registry'],
  RANGE_INVALID: [416, 'invalid content range'],
  PAGINATION_NUMBER_INVALID: [400, 'invalid number of results requested'],
  UNSUPPORTED: [405, 'The operation is unsupported.'],
  TOOMANYREQUESTS: [429, 'too many requests'],
  UNAVAILABLE: [503, 'service unavailable'],
} as const satisfies Record<string, readonly [number, string]>;

export type ErrorCode = keyof typeof errors;

export interface ErrorParts {
  /** Replaces the code's usual message. */
  readonly message?: string;
  readonly detail?: unknown;
  readonly headers?: Record<string, string>;
}

/** An error as a registry answers it. */
export function errorReply(code: ErrorCode, { message, detail, headers }: ErrorParts = {}): Reply {
  const [status, usual] = errors[code];
  return jsonReply(status, { errors: [{ code, message: message ?? usual, detail }] }, headers);
}
