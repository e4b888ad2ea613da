/** A signal that aborts when the time has run out, unless it is disposed of before. */
export interface Deadline extends Disposable {
  readonly signal: AbortSignal;
  /** Ends it now, because nobody waits any more. */
  end(): void;
}

/**
 * A deadline in `milliseconds` from now. Its signal aborts with the same reason as one of `AbortSignal.timeout`, which
 * isn't used because it keeps its listeners until the time has run out, long after the work is done: at thousands a
 * second, they would take most of the memory.
 */
export function deadlineIn(milliseconds: number): Deadline {
  const controller = new AbortController();
  const end = () => controller.abort(new DOMException('out of time', 'TimeoutError'));
  const timer = setTimeout(end, milliseconds);
  timer.unref();
  return { signal: controller.signal, end, [Symbol.dispose]: () => clearTimeout(timer) };
}
