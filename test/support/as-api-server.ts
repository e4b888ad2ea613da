import { setTimeout as delay } from 'node:timers/promises';

/** The result of a call as the API server makes it: it retries 429 and 5xx with a Retry-After (client-go rest/with_retry.go). */
export interface Outcome<Answer> {
  /** Undefined on a timeout, or if the last answer still asked for a retry. */
  readonly answer: Answer | undefined;
  /** The number of answers that asked for a retry. */
  readonly sentBack: number;
  /** Whether the timeout came while it waited for an answer, not for the next try. */
  readonly unanswered: boolean;
  readonly milliseconds: number;
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

const MAX_RETRIES = 10;

/**
 * Calls the webhook as the API server does: again after the seconds of `Retry-After`, up to ten times, all within one
 * timeout.
 */
export async function callAsApiServer<T extends Answer>(
  call: (signal: AbortSignal) => Promise<T>,
  timeout: number,
): Promise<Outcome<T>> {
  const started = performance.now();
  const signal = AbortSignal.timeout(timeout);
  let sentBack = 0;
  let asking = true;
  const outcome = (answer: T | undefined) => ({
    answer,
    sentBack,
    unanswered: answer === undefined && asking,
    milliseconds: performance.now() - started,
  });
  for (;;) {
    try {
      const answer = await call(signal);
      const seconds = Number(answer.headers['retry-after'] ?? Number.NaN);
      const status = answer.status ?? 0;
      if ((status !== 429 && status < 500) || Number.isNaN(seconds)) return outcome(answer);
      asking = false;
      if (sentBack++ === MAX_RETRIES) return outcome(undefined);
      await delay(seconds * 1000, undefined, { signal });
      asking = true;
    } catch (error) {
      if (signal.aborted) return outcome(undefined);
      throw error;
    }
  }
}
