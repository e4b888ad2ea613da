import { type DestinationStream, pino } from 'pino';

/** A line is kept so long at most, in milliseconds, for others to be written with it. */
const LONGEST_KEPT_MS = 100;
/** So many characters are written at once, however long they were kept. */
const ENOUGH = 8 * 1024;

/**
 * Standard output for lines of log, many of them in one write: a write for each would take as long as a tenth of the
 * review that it is about.
 *
 * What is kept is written when the process exits, of itself or by an error; that is why nothing is written by another
 * thread, which could still be at it then. One that is killed outright (SIGKILL, out of memory) takes with it the lines
 * of its last tenth of a second.
 */
export function openLogOutput(descriptor = 1): DestinationStream {
  const output = pino.destination({ dest: descriptor, minLength: ENOUGH, sync: true });
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
      // It need not keep the process from ending: that flushes too.
      setTimeout(flush, LONGEST_KEPT_MS).unref();
    },
  };
}
