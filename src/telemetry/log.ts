import { type DestinationStream, type Logger, pino } from 'pino';

export type { Logger } from 'pino';

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/**
 * A logger that writes one JSON object per line.
 *
 * Errors are written without their stacks unless the level is `debug` or `trace`, because the message and its causes help
 * more. Secrets must not be passed to the logger at all; its redaction is a second line of defence.
 */
export function createLogger(level: LogLevel, destination: DestinationStream): Logger {
  const withStack = level === 'debug' || level === 'trace';
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }), log: censor },
    serializers: { err: (error: unknown) => describe(error, withStack) },
  };
  return pino(options, destination);
}

const secretNames = new Set(['password', 'authorization', 'token', 'auth']);

/**
 * Redacts members named like secrets in the objects of a line. Few lines have objects; pino's own `redact` would take as
 * long as the rest of writing each line.
 */
function censor(line: Record<string, unknown>): Record<string, unknown> {
  if (!Object.values(line).some((value) => isPlain(value) || isLong(value))) return line;
  const entries = Object.entries(line).map(([name, value]) => [
    name,
    isPlain(value) ? censored(value) : bounded(value),
  ]);
  return Object.fromEntries(entries);
}

/** Characters of a text in a line, and entries of a list. */
const LONGEST_TEXT = 1_000;
const LONGEST_LIST = 50;

const isLong = (value: unknown) =>
  typeof value === 'string' ? value.length > LONGEST_TEXT : Array.isArray(value);

function bounded(value: unknown): unknown {
  if (typeof value === 'string') return cut(value, LONGEST_TEXT);
  return Array.isArray(value) ? value.slice(0, LONGEST_LIST).map(bounded) : value;
}

const cut = (text: string, limit: number) => (text.length <= limit ? text : `${text.slice(0, limit - 1)}…`);

/** Errors aren't plain: the serializer writes nothing but their messages. */
function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Error);
}

function censored(value: object): object {
  const entries = Object.entries(value);
  return Object.fromEntries(
    entries.map(([name, part]) => [name, secretNames.has(name) ? '[redacted]' : bounded(part)]),
  );
}

/** Causes of a cause that are written. */
const DEEPEST_CAUSE = 5;
const LONGEST_STACK = 4_000;

function describe(error: unknown, withStack: boolean, depth = 0): unknown {
  if (!(error instanceof Error)) return cut(String(error), LONGEST_TEXT);
  return {
    type: error.name,
    message: cut(error.message, LONGEST_TEXT),
    ...(error.cause === undefined || depth === DEEPEST_CAUSE
      ? {}
      : { cause: describe(error.cause, withStack, depth + 1) }),
    ...(withStack ? { stack: cut(error.stack ?? '', LONGEST_STACK) } : {}),
  };
}

/** The longest time that a line is buffered, in milliseconds. */
const MAX_BUFFERED_MS = 100;
/** The number of buffered characters that are written at once. */
const BUFFER_LENGTH = 8 * 1024;

/**
 * Standard output for the log, with several lines in one write: a write for each line would take a tenth of the time of its
 * review.
 *
 * The buffer is written when the process exits, normally or by an error. Therefore no other thread writes, because it could
 * be unfinished then. A process that is killed (SIGKILL, out of memory) loses the lines of its last tenth of a second.
 */
export function openLogOutput(descriptor = 1): DestinationStream {
  const output = pino.destination({ dest: descriptor, minLength: BUFFER_LENGTH, sync: true });
  process.once('exit', () => output.flushSync());
  let waiting = false;
  const flush = () => {
    waiting = false;
    output.flushSync();
  };
  return {
    write(line) {
      output.write(line);
      if (waiting) return;
      waiting = true;
      // The timer needn't keep the process alive, because its exit flushes too.
      setTimeout(flush, MAX_BUFFERED_MS).unref();
    },
  };
}
