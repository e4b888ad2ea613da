import { type DestinationStream, type Logger, pino } from 'pino';

export type { Logger } from 'pino';

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/**
 * A logger that writes one JSON object a line.
 *
 * Errors are written without their stacks unless the level is `debug` or lower: at three in the morning the
 * message and its causes are what helps. Nothing that may hold a secret is ever given to the logger; the
 * redaction here is a second fence, not the first.
 */
export function createLogger(level: LogLevel, destination?: DestinationStream): Logger {
  const withStack = level === 'debug' || level === 'trace';
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: (error: unknown) => describe(error, withStack) },
    redact: { paths: ['*.password', '*.authorization', '*.token', '*.auth'], censor: '[redacted]' },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

function describe(error: unknown, withStack: boolean): unknown {
  if (!(error instanceof Error)) return String(error);
  return {
    type: error.name,
    message: error.message,
    ...(error.cause === undefined ? {} : { cause: describe(error.cause, withStack) }),
    ...(withStack ? { stack: error.stack } : {}),
  };
}
