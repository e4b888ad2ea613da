import { setTimeout as delay } from 'node:timers/promises';
import { request } from 'undici';
import { z } from 'zod';
import { parseJson } from '../json.ts';
import { untilAborted } from '../singleflight.ts';
import type { Access, Connection } from './connection.ts';
import { KubernetesError } from './error.ts';
import { resourceIn } from './resources.ts';

/** A request to the API server, and what came of it. */
export interface KubernetesRequest {
  /** Its plural, as in paths and RBAC rules. */
  resource: string;
  method: string;
  /** 0 if there was no answer. */
  status: number;
  milliseconds: number;
}

/** A request to the API server. */
export interface Call {
  method: 'GET' | 'POST' | 'PATCH';
  /** With its query. */
  path: string;
  /** The media type to be answered in; JSON by default. */
  accept?: string;
  body?: { type: string; content: unknown };
  signal: AbortSignal;
}

/** Notified of each request to the API server: for metrics. */
export type KubernetesObserver = (request: KubernetesRequest) => void;

/**
 * The API server's answer, in the shape that is expected.
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
 * The same, with the API server's warnings.
 *
 * @throws KubernetesError
 */
export async function callWithWarnings<T>(
  connection: Connection,
  of: Call,
  shape: z.ZodType<T>,
  observe: KubernetesObserver = () => undefined,
): Promise<{ object: T; warnings: string[] }> {
  const { status, text, warnings } = await exchange(connection, of, observe);
  const json = parseJson(text);
  if (status >= 300) throw refusal(of, { status, json, warnings });
  const object = shape.safeParse(json);
  if (object.success) return { object: object.data, warnings };
  // The parser's own message could quote the object, which may be a Secret: name the fields only.
  const fields = object.error.issues.map((issue) => issue.path.join('.')).join(', ');
  throw new KubernetesError(`${named(of)}: the API server's answer has unexpected fields: ${fields}`, {
    status,
    reason: 'UnexpectedAnswer',
  });
}

/** A read whose connection fails sooner than this is repeated. */
const SOON_MS = 5_000;
/** The longest Retry-After, in seconds, that a read waits for: half the time that most reviews have. */
const LONGEST_PAUSE = 5;
/** A read without an answer for so long may be on a connection that is dead, which nothing else would notice for minutes. */
const SILENCE_MS = 3_000;

/**
 * Sends the request. Reads are idempotent, and repeated once: if the connection or its HTTP/2 session fails, on a new one; if
 * the API server asks to come back later, then (client-go rest/with_retry.go, `checkWait`).
 */
async function exchange(connection: Connection, of: Call, observe: KubernetesObserver): Promise<Response> {
  const { method, signal } = of;
  const started = performance.now();
  try {
    const response = await send(connection, of, observe);
    const { status, retryAfter } = response;
    const isBusy = status === 429 || status >= 500;
    if (method !== 'GET' || !isBusy || retryAfter === undefined || retryAfter > LONGEST_PAUSE)
      return response;
    try {
      await delay(retryAfter * 1000, undefined, { signal });
    } catch {
      return response;
    }
  } catch (error) {
    const isRepeated = method === 'GET' && !signal.aborted && performance.now() - started < SOON_MS;
    if (!isRepeated || !(error instanceof KubernetesError) || error.reason !== 'ConnectionFailed')
      throw error;
  }
  return await send(connection, of, observe);
}

interface Response {
  status: number;
  text: string;
  warnings: string[];
  /** Seconds. */
  retryAfter: number | undefined;
}

async function send(connection: Connection, of: Call, observe: KubernetesObserver): Promise<Response> {
  const { method, path, accept, body, signal } = of;
  const started = performance.now();
  const tell = (status: number) =>
    observe({ resource: resourceIn(path), method, status, milliseconds: performance.now() - started });
  let used: Access | undefined;
  try {
    if (path.length > LONGEST_URL) throw new Error('the request is too long');
    const access = await untilAborted(connection.access(), signal);
    used = access;
    const { dispatcher, headers } = access;
    const response = await request(`${connection.server}${path}`, {
      method,
      signal,
      headers: {
        ...headers,
        accept: accept ?? 'application/json',
        'user-agent': 'tagpin',
        ...(body === undefined ? {} : { 'content-type': body.type }),
      },
      dispatcher,
      ...(body === undefined ? {} : { body: JSON.stringify(body.content) }),
    });
    const text = await textOf(response.body);
    tell(response.statusCode);
    if (response.statusCode === 401) connection.refused(access);
    if (text === undefined) throw tooLarge(of);
    return {
      status: response.statusCode,
      text,
      warnings: warningsOf(response.headers['warning']),
      retryAfter: secondsOf(response.headers['retry-after']),
    };
  } catch (cause) {
    if (cause instanceof KubernetesError) throw cause;
    tell(0);
    const isSilent = performance.now() - started > SILENCE_MS;
    if (used !== undefined && (!signal.aborted || isSilent)) connection.renew(used);
    const why = signal.aborted ? 'no answer in time' : cause instanceof Error ? cause.message : String(cause);
    const reason = used === undefined ? 'Unreachable' : 'ConnectionFailed';
    throw new KubernetesError(`${named(of)}: ${shortened(why, LONGEST_ANSWER)}`, {
      status: 0,
      reason,
      cause,
    });
  }
}

/**
 * Bytes of an answer. etcd takes requests of 1.5 MiB (server/embed/config.go, `DefaultMaxRequestBytes`), and no object is
 * larger; lists come in pages.
 */
const LARGEST_ANSWER = 4 * 1024 * 1024;

/** The body, unless it is too large. */
async function textOf(body: AsyncIterable<Buffer>): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > LARGEST_ANSWER) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

const tooLarge = (of: Call) =>
  new KubernetesError(`${named(of)}: the answer is too large`, { status: 0, reason: TOO_LARGE });

/** The reason of an answer that is too large to be read. */
export const TOO_LARGE = 'AnswerTooLarge';

/** The API server says when to come back in whole seconds. */
function secondsOf(header: string | string[] | undefined): number | undefined {
  return typeof header === 'string' && /^\d{1,9}$/.test(header) ? Number(header) : undefined;
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
/**
 * Characters of a path with its query. Names, selectors and the API server's own continue tokens come to less; servers and what
 * is before them refuse longer ones, some by ending the session.
 */
const LONGEST_URL = 8_000;
const LONGEST_PATH = 200;

/** A request as errors name it: without its query. */
export function named({ method, path }: Pick<Call, 'method' | 'path'>): string {
  return `${method} ${shortened(path.replace(/\?.*/s, ''), LONGEST_PATH)}`;
}

const shortened = (text: string, limit: number) =>
  text.length <= limit ? text : `${text.slice(0, limit - 1)}…`;
