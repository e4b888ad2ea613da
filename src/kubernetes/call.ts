import { request } from 'undici';
import { z } from 'zod';
import { parseJson } from '../json.ts';
import type { Connection } from './connection.ts';
import { KubernetesError } from './error.ts';
import { resourceIn } from './resources.ts';

/** A request that the API server has answered, or hasn't: then the status is 0. */
export interface KubernetesRequest {
  /** Its plural, as in paths and RBAC rules. */
  resource: string;
  method: string;
  status: number;
  milliseconds: number;
}

/** A request to the API server. */
export interface Call {
  method: 'GET' | 'PATCH';
  /** With its query. */
  path: string;
  /** Of what media type the answer is to be; JSON if it isn't said. */
  accept?: string;
  body?: { type: string; content: unknown };
  signal: AbortSignal;
}

/** Told of each request to the API server: for metrics. */
export type KubernetesObserver = (request: KubernetesRequest) => void;

/**
 * The API server's answer, of the shape that is expected.
 *
 * @throws KubernetesError for any other
 */
export async function call<T>(
  connection: Connection,
  of: Call,
  shape: z.ZodType<T>,
  observe: KubernetesObserver = () => undefined,
): Promise<T> {
  const { method, path } = of;
  const started = performance.now();
  const tell = (status: number) =>
    observe({ resource: resourceIn(path), method, status, milliseconds: performance.now() - started });
  const { status, text } = await send(connection, of).catch((error: unknown) => {
    tell(0);
    throw error;
  });
  tell(status);
  const json = parseJson(text);
  if (status >= 300) throw refusal(method, path, status, json);
  const object = shape.safeParse(json);
  if (object.success) return object.data;
  // The parser's own words could quote the object, and that may be a Secret: name the fields only.
  const fields = object.error.issues.map((issue) => issue.path.join('.')).join(', ');
  throw new KubernetesError(`${method} ${path}: the API server's answer has unexpected fields: ${fields}`, {
    status,
    reason: 'UnexpectedAnswer',
  });
}

async function send(connection: Connection, { method, path, accept, body, signal }: Call) {
  try {
    const { dispatcher, headers } = await connection.access();
    const response = await request(`${connection.server}${path}`, {
      method,
      signal,
      headers: {
        ...headers,
        accept: accept ?? 'application/json',
        'user-agent': 'tagpin',
        ...(body === undefined ? {} : { 'content-type': body.type }),
      },
      ...(dispatcher === undefined ? {} : { dispatcher }),
      ...(body === undefined ? {} : { body: JSON.stringify(body.content) }),
    });
    return { status: response.statusCode, text: await response.body.text() };
  } catch (cause) {
    const why = signal.aborted ? 'no answer in time' : cause instanceof Error ? cause.message : String(cause);
    throw new KubernetesError(`${method} ${path}: ${why}`, { status: 0, reason: 'Unreachable', cause });
  }
}

const statusShape = z.object({ message: z.string().optional(), reason: z.string().optional() });

function refusal(method: string, path: string, status: number, json: unknown): KubernetesError {
  const answer = statusShape.safeParse(json);
  const { message, reason } = answer.success ? answer.data : {};
  // A refusal names what it refuses, in the words of RBAC; other answers say only what ails the API server.
  const text = status === 403 && message ? message : `${method} ${path}: ${message || status}`;
  return new KubernetesError(text, { status, reason: reason ?? String(status) });
}
