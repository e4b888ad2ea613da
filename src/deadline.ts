/** A signal that is told when the time is up, unless it is disposed of before. */
export interface Deadline extends Disposable {
  readonly signal: AbortSignal;
}

/**
 * A deadline so many milliseconds from now; its signal aborts with the same reason as that of `AbortSignal.timeout`,
 * which holds on to all that listens to it until its time is up, long after the work is done: at thousands a second,
 * that is most of the memory.
 */
export function deadlineIn(milliseconds: number): Deadline {
  const controller = new AbortController();
  const timer = setTimeout(
    () => controller.abort(new DOMException('out of time', 'TimeoutError')),
    milliseconds,
  );
  timer.unref();
  return { signal: controller.signal, [Symbol.dispose]: () => clearTimeout(timer) };
}
