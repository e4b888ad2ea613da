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
  method: 'GET' | 'POST' | 'PATCH';
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
  observe?: KubernetesObserver,
): Promise<T> {
  return (await callWithWarnings(connection, of, shape, observe)).object;
}

/**
 * The same, and what the API server warns of besides.
 *
 * @throws KubernetesError
 */
export async function callWithWarnings<T>(
  connection: Connection,
  of: Call,
  shape: z.ZodType<T>,
  observe: KubernetesObserver = () => undefined,
): Promise<{ object: T; warnings: string[] }> {
  const { method, path } = of;
  const started = performance.now();
  const tell = (status: number) =>
    observe({ resource: resourceIn(path), method, status, milliseconds: performance.now() - started });
  const { status, text, warnings } = await send(connection, of).catch((error: unknown) => {
    tell(0);
    throw error;
  });
  tell(status);
  const json = parseJson(text);
  if (status >= 300) throw refusal(of, { status, json, warnings });
  const object = shape.safeParse(json);
  if (object.success) return { object: object.data, warnings };
  // The parser's own words could quote the object, and that may be a Secret: name the fields only.
  const fields = object.error.issues.map((issue) => issue.path.join('.')).join(', ');
  throw new KubernetesError(`${named(of)}: the API server's answer has unexpected fields: ${fields}`, {
    status,
    reason: 'UnexpectedAnswer',
  });
}

async function send(connection: Connection, of: Call) {
  const { method, path, accept, body, signal } = of;
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
    const warnings = warningsOf(response.headers['warning']);
    return { status: response.statusCode, text: await response.body.text(), warnings };
  } catch (cause) {
    const why = signal.aborted ? 'no answer in time' : cause instanceof Error ? cause.message : String(cause);
    throw new KubernetesError(`${named(of)}: ${why}`, { status: 0, reason: 'Unreachable', cause });
  }
}

const statusShape = z.object({ message: z.string().optional(), reason: z.string().optional() });

/** Texts of Warning headers: `299 - "text"` (RFC 7234 5.5; apimachinery pkg/util/net, `ParseWarningHeaders`). */
function warningsOf(header: string | string[] | undefined): string[] {
  const texts = [header ?? []].flat().flatMap((line) => [...line.matchAll(WARNING)]);
  return texts.map(([, text = '']) => text.replace(/\\(.)/g, '$1'));
}

const WARNING = /\b\d{3} \S+ "((?:[^"\\]|\\.)*)"/g;

interface Answer {
  status: number;
  json: unknown;
  warnings: readonly string[];
}

function refusal(of: Call, { status, json, warnings }: Answer): KubernetesError {
  const answer = statusShape.safeParse(json);
  const { message, reason } = answer.success ? answer.data : {};
  // A refusal names what it refuses, in the words of RBAC; other answers say only what ails the API server.
  const text = shortened(message || String(status), LONGEST_ANSWER);
  return new KubernetesError(status === 403 && message ? text : `${named(of)}: ${text}`, {
    status,
    reason: reason ?? String(status),
    warnings,
  });
}

/**
 * Characters of an answer's message, and of a path, that an error quotes. Both may contain what a sender of reviews has chosen;
 * an RBAC refusal names a user, a resource and a namespace in less than 500.
 */
const LONGEST_ANSWER = 1_000;
const LONGEST_PATH = 200;

/** A request as errors name it: without its query. */
export function named({ method, path }: Pick<Call, 'method' | 'path'>): string {
  return `${method} ${shortened(path.replace(/\?.*/s, ''), LONGEST_PATH)}`;
}

const shortened = (text: string, limit: number) =>
  text.length <= limit ? text : `${text.slice(0, limit - 1)}…`;
