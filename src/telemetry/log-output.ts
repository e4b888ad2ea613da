import { type DestinationStream, pino } from 'pino';

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
