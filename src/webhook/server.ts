import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
  type Response,
} from 'express';
import { deadlineIn } from '../deadline.ts';
import { parseDuration } from '../duration.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { timeFor } from './budget.ts';
import type { Intake } from './intake.ts';
import { type AdmissionReview, answer, InvalidReview, parseReview, type Verdict } from './review.ts';
import type { Route } from './routes.ts';
import { bodyLength, turnAway } from './turn-away.ts';

export interface WebhookParts {
  routes: readonly Route[];
  log: Logger;
  metrics: Metrics;
  intake: Intake;
  /** Whether the process is going down: answers then ask for the connection to be closed. */
  draining: () => boolean;
}

/**
 * The largest body: object and oldObject may each be 3 MiB (etcd's limit and then some), and the review around them
 * is far below the 1 MiB left. Derived as in controller-runtime pkg/webhook/admission/http.go.
 */
const BODY_LIMIT = 7 * 1024 * 1024;

/** What the API server waits when it doesn't say: the default of `timeoutSeconds`. */
const DEFAULT_TIMEOUT_MS = 10_000;
/** No API server waits longer for a webhook. */
const MAXIMUM_TIMEOUT_MS = 30_000;
/**
 * The part of what the API server waits that a review may spend waiting to be started. Enough is left to resolve its images,
 * and for the API server to send it again if it isn't started: to another replica, if that has less to do.
 */
const LONGEST_WAIT = 1 / 4;

/** The webhook over HTTP: each route takes a POST of an AdmissionReview. */
export function createWebhookApp(parts: WebhookParts): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use((_request, response, next) => {
    if (parts.draining()) response.set('Connection', 'close');
    next();
  });
  for (const { path } of parts.routes) parts.metrics.failures.inc({ path, reason: 'failed' }, 0);
  for (const route of parts.routes) app.post(route.path, jsonOnly, takeIn(parts, route));
  const paths = parts.routes.map(({ path }) => path).join(', ');
  app.use((_request, response) => {
    response.status(404).type('text').send(`tagpin answers POST ${paths}\n`);
  });
  app.use(refusal(parts.log));
  return app;
}

const jsonOnly: RequestHandler = (request, response, next) => {
  if (request.is('application/json')) return next();
  response.status(415).type('text').send('send an AdmissionReview as application/json\n');
};

const body = express.raw({ type: 'application/json', limit: BODY_LIMIT, inflate: false });

/** Answers the reviews that can be answered in time, and has the others sent again. */
function takeIn(parts: WebhookParts, route: Route): RequestHandler {
  const { intake, metrics } = parts;
  return async (request, response) => {
    const arrived = performance.now();
    const shed = (reason: 'full' | 'late') => {
      metrics.shed.inc({ path: route.path, reason });
      turnAway(request, response);
    };
    const giveBack = intake.hold(bodyLength(request, BODY_LIMIT));
    if (giveBack === undefined) return shed('full');
    try {
      await readBody(request, response);
      await intake.inTurn(async () => {
        if (response.destroyed) return;
        if (performance.now() - arrived > patience(request) * LONGEST_WAIT) return shed('late');
        await review(parts, route, request, response, arrived);
      });
    } catch (error) {
      metrics.failures.inc({ path: route.path, reason: isUnreadable(error) ? 'unreadable' : 'failed' });
      throw error;
    } finally {
      giveBack();
    }
  };
}

/** Whether there was no review to be read: whoever sent it is at fault, or what lies between. */
const isUnreadable = (error: unknown) => error instanceof InvalidReview || statusOf(error) < 500;

const readBody = (request: Request, response: Response) =>
  new Promise<void>((resolve, reject) => {
    body(request, response, (error: unknown) => (error === undefined ? resolve() : reject(error)));
  });

async function review(
  parts: WebhookParts,
  route: Route,
  request: Request,
  response: Response,
  arrived: number,
): Promise<void> {
  const text = Buffer.isBuffer(request.body) ? request.body.toString('utf8') : '';
  // Parsed, it is large enough.
  request.body = undefined;
  const admission = parseReview(text);
  const budget = timeFor(patience(request), performance.now() - arrived, parts.intake.heldBytes);
  using deadline = deadlineIn(budget);
  const verdict = await decide(parts, admission, route, deadline.signal);
  response.json(answer(admission, verdict));

  const { path } = route;
  const outcome = verdict.allowed ? (verdict.patch?.length ? 'patched' : 'allowed') : 'denied';
  parts.metrics.admissions.inc({ path, operation: admission.request.operation, outcome });
  parts.metrics.admissionSeconds.observe({ path }, (performance.now() - arrived) / 1000);
}

/** The handler's verdict; if the handler itself fails, the one that the route has for that. */
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

/** How long the API server waits, from the `?timeout=10s` that it adds; it never adds `0s`. */
function patience({ query: { timeout } }: Request): number {
  const milliseconds = typeof timeout === 'string' ? parseDuration(timeout) : undefined;
  return Math.min(milliseconds || DEFAULT_TIMEOUT_MS, MAXIMUM_TIMEOUT_MS);
}

/** What is no review gets a status and a reason; the connection of a body that wasn't read to its end is closed. */
function refusal(log: Logger): ErrorRequestHandler {
  return (error: unknown, _request, response, next) => {
    if (response.headersSent) return next(error);
    if (error instanceof InvalidReview) {
      response.status(400).type('text').send(`${error.message}\n`);
      return;
    }
    const status = statusOf(error);
    if (status >= 500) log.error({ err: error }, 'failed');
    response
      .set('Connection', 'close')
      .status(status)
      .type('text')
      .send(`${reasons[status] ?? 'bad request'}\n`);
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
