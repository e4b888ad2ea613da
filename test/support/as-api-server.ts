import { setTimeout as delay } from 'node:timers/promises';

/** What the API server makes of a call: it repeats 429 and 5xx that say when (client-go rest/with_retry.go). */
export interface Outcome<Answer> {
  /** Undefined if the time was up, or the last answer was still one to be repeated. */
  readonly answer: Answer | undefined;
  /** How often it was told to come again. */
  readonly sentBack: number;
  /** The time was up while it waited for an answer, not for the next try. */
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
