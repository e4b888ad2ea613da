import type { IncomingMessage, ServerResponse } from 'node:http';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { deadlineIn } from '../deadline.ts';
import { parseDuration } from '../duration.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { bodyLength, type LoadLimiter, respondOverloaded } from './load-limiter.ts';
import { type AdmissionReview, InvalidReview, parseReview, toResponse, type Verdict } from './review.ts';
import { timeFor } from './review-deadline.ts';
import type { Route } from './routes.ts';

export interface WebhookParts {
  routes: readonly Route[];
  log: Logger;
  metrics: Metrics;
  load: LoadLimiter;
  /** Whether the process is shutting down: responses then close their connections. */
  draining: () => boolean;
}

/**
 * The largest body: object and oldObject may each be 3 MiB (etcd's limit and then some), and the review around them
 * is far below the 1 MiB left. Derived as in controller-runtime pkg/webhook/admission/http.go.
 */
const BODY_LIMIT = 7 * 1024 * 1024;

const JSON_TYPE = 'application/json';

/** The default of `timeoutSeconds`, if the API server sends none. */
const DEFAULT_TIMEOUT_MS = 10_000;
/** The longest timeout that a webhook can have. */
const MAXIMUM_TIMEOUT_MS = 30_000;
/**
 * The part of the API server's timeout that a review may wait to be started. Enough is left to resolve its images, or for the
 * API server to send it again, perhaps to a less busy replica.
 */
const LONGEST_WAIT = 1 / 4;

/** The webhook over HTTP: each route takes a POST of an AdmissionReview. */
export function createWebhookApp(parts: WebhookParts): Express {
  const app = express();
  for (const { path } of parts.routes) expectTrouble(parts.metrics, path);
  for (const route of parts.routes) app.post(route.path, handleReview(parts, route));
  const paths = parts.routes.map(({ path }) => path).join(', ');
  app.use((_request: IncomingMessage, response: ServerResponse) => {
    if (parts.draining()) response.setHeader('Connection', 'close');
    sendText(response, 404, `tagpin answers POST ${paths}`);
  });
  app.use(refusal(parts.log));
  return routedOnly(app);
}

/** Initializes the counters of reviews that alerts watch to 0. */
function expectTrouble({ failures, shed }: Metrics, path: string): void {
  for (const reason of ['failed', 'unreadable'] as const) failures.inc({ path, reason }, 0);
  for (const reason of ['full', 'late'] as const) shed.inc({ path, reason }, 0);
}

/**
 * The app without Express's setup of each request: another prototype for request and response, a last handler, headers. That
 * takes a tenth of a review, for methods that nothing here uses.
 */
function routedOnly(app: Express): Express {
  const last = () => undefined;
  return Object.assign(app, {
    handle: (request: Request, response: Response) => app.router(request, response, last),
  });
}

const body = express.raw({ type: () => true, limit: BODY_LIMIT, inflate: false });

/** When a review arrived, by `performance.now()`, and the API server's timeout in milliseconds. */
interface Times {
  arrived: number;
  waits: number;
}

/** Answers the reviews that can be answered in time; the API server sends the others again. */
function handleReview(parts: WebhookParts, route: Route) {
  const { load, metrics } = parts;
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const arrived = performance.now();
    if (parts.draining()) response.setHeader('Connection', 'close');
    if (!isJson(request)) return sendText(response, 415, 'send an AdmissionReview as application/json');
    const waits = patience(request);
    const shed = (reason: 'full' | 'late') => {
      metrics.shed.inc({ path: route.path, reason });
      respondOverloaded(request, response);
    };
    const length = bodyLength(request, BODY_LIMIT);
    const release = load.reserve(length);
    if (release === undefined) return shed('full');
    try {
      await readBody(request, response);
      await load.schedule(length, async () => {
        if (response.destroyed) return;
        if (performance.now() - arrived > waits * LONGEST_WAIT) return shed('late');
        await review(parts, route, request, response, { arrived, waits });
      });
    } catch (error) {
      metrics.failures.inc({ path: route.path, reason: isUnreadable(error) ? 'unreadable' : 'failed' });
      throw error;
    } finally {
      release();
    }
  };
}

/** Whether the request held no readable review, which is its sender's fault. */
const isUnreadable = (error: unknown) => error instanceof InvalidReview || statusOf(error) < 500;

function isJson({ headers }: IncomingMessage): boolean {
  const type = headers['content-type'] ?? '';
  return type === JSON_TYPE || type.split(';', 1)[0]?.trim().toLowerCase() === JSON_TYPE;
}

type WithBody = IncomingMessage & { body?: unknown };

const readBody = (request: WithBody, response: ServerResponse) =>
  new Promise<void>((resolve, reject) => {
    body(request, response, (error: unknown) => (error === undefined ? resolve() : reject(error)));
  });

/** The body as text. The request drops it, because the parsed review is large enough. */
function takeBody(request: WithBody): string {
  const text = Buffer.isBuffer(request.body) ? request.body.toString('utf8') : '';
  request.body = undefined;
  return text;
}

async function review(
  parts: WebhookParts,
  route: Route,
  request: IncomingMessage,
  response: ServerResponse,
  { arrived, waits }: Times,
): Promise<void> {
  const admission = parseReview(takeBody(request));
  const budget = timeFor(waits, performance.now() - arrived, parts.load.reservedBytes);
  using deadline = deadlineIn(budget);
  // When the client of the API server gives up, so does the API server: nothing more is asked for the review.
  response.once('close', () => {
    if (!response.writableEnded) deadline.end();
  });
  const verdict = await decide(parts, admission, route, deadline.signal);
  send(response, 200, JSON_TYPE, JSON.stringify(toResponse(admission, verdict)));

  const { path } = route;
  const outcome = verdict.allowed ? (verdict.patch?.length ? 'patched' : 'allowed') : 'denied';
  parts.metrics.admissions.inc({ path, operation: admission.request.operation, outcome });
  parts.metrics.admissionSeconds.observe({ path }, (performance.now() - arrived) / 1000);
}

function send(response: ServerResponse, status: number, type: string, text: string): void {
  const headers = { 'Content-Type': `${type}; charset=utf-8`, 'Content-Length': Buffer.byteLength(text) };
  response.writeHead(status, headers).end(text);
}

const sendText = (response: ServerResponse, status: number, text: string) =>
  send(response, status, 'text/plain', `${text}\n`);

/** The handler's verdict; the route's own if the handler fails. */
async function decide(
  { log, metrics }: WebhookParts,
  { request }: AdmissionReview,
  { path, handle, failed }: Route,
  signal: AbortSignal,
): Promise<Verdict> {
  try {
    return await handle(request, signal);
  } catch (error) {
    if (error instanceof InvalidReview) throw error;
    log.error({ err: error, namespace: request.namespace, uid: request.uid, path }, 'failed');
    metrics.failures.inc({ path, reason: 'failed' });
    return failed;
  }
}

/** The API server's timeout, from the `?timeout=10s` that it adds; it never adds `0s`. */
function patience({ url = '' }: IncomingMessage): number {
  const timeout = /[?&]timeout=([^&]*)/.exec(url)?.[1];
  const milliseconds = timeout === undefined ? undefined : parseDuration(timeout);
  return Math.min(milliseconds || DEFAULT_TIMEOUT_MS, MAXIMUM_TIMEOUT_MS);
}

/** A request that isn't a review gets a status and a reason; its connection is closed if its body wasn't read to the end. */
function refusal(log: Logger) {
  return (error: unknown, _request: IncomingMessage, response: ServerResponse, _next: NextFunction) => {
    if (response.headersSent) {
      log.error({ err: error }, 'failed');
      response.destroy();
      return;
    }
    if (error instanceof InvalidReview) return sendText(response, 400, error.message);
    const status = statusOf(error);
    if (status >= 500) log.error({ err: error }, 'failed');
    response.setHeader('Connection', 'close');
    sendText(response, status, reasons[status] ?? 'bad request');
  };
}

const reasons: Record<number, string> = {
  413: `the body is larger than ${BODY_LIMIT / 1024 / 1024} MiB`,
  415: 'send the body uncompressed',
  500: 'tagpin failed',
};

function statusOf(error: unknown): number {
  if (typeof error !== 'object' || error === null || !('status' in error)) return 500;
  return typeof error.status === 'number' ? error.status : 500;
}
