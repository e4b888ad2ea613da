import { excerpt } from '../image/excerpt.ts';
import { printableLines } from '../printable.ts';

/** Where a command writes. */
export interface Terminal {
  /** Standard output: the result. */
  out(text: string): void;
  /** Standard error: messages to people. What a terminal would interpret is escaped, except line ends. */
  err(text: string): void;
  /** Shows the progress of work that takes over a second, if standard error is a terminal. */
  progress(of: CountedWork): Progress;
}

/** Work on a number of items of one kind. */
export interface CountedWork {
  /** What is counted: `images resolved`. */
  counted: string;
  /** The number of items, if it is known. */
  total?: number;
}

/** The progress of some work. Disposing of it removes it from the terminal. */
export interface Progress extends Disposable {
  /** The work waits for this item now. */
  begin(item: string): void;
  /** The work no longer waits for this item. It counts as one, unless `count` says otherwise. */
  finish(item: string, count?: number): void;
}

/** Progress that nobody sees. */
export const noProgress: Progress = {
  begin: () => undefined,
  finish: () => undefined,
  [Symbol.dispose]: () => undefined,
};

/** Work that takes less shows no progress: a line that comes and goes would only distract. */
const SHOWN_AFTER_MS = 1_000;
const REDRAWN_EVERY_MS = 200;

type Stream = NodeJS.WritableStream & { isTTY?: boolean; columns?: number };

/**
 * The terminal, or the file or pipe in its place, behind standard output and standard error.
 *
 * @param isColoured whether progress may be coloured
 */
export function openTerminal(stdout: Stream, stderr: Stream, isColoured: boolean): Terminal {
  const shown = new Set<ShownProgress>();
  // Text replaces the line of progress, which is drawn again below it.
  const write = (stream: Stream, text: string) => {
    for (const { spinner } of shown) spinner?.clear();
    stream.write(text);
  };
  return {
    out: (text) => write(stdout, text),
    err: (text) => write(stderr, printableLines(text)),
    progress(work) {
      if (!stderr.isTTY) return noProgress;
      const progress = new ShownProgress(work, stderr, isColoured, () => shown.delete(progress));
      shown.add(progress);
      return progress;
    },
  };
}

interface Spinner {
  text: string;
  clear(): unknown;
  stop(): unknown;
}

class ShownProgress implements Progress {
  spinner: Spinner | undefined;
  readonly #work: CountedWork;
  readonly #waitingFor: string[] = [];
  readonly #started = performance.now();
  readonly #timer: NodeJS.Timeout;
  readonly #onDispose: () => void;
  #redraw: NodeJS.Timeout | undefined;
  #isDisposed = false;
  #count = 0;

  constructor(work: CountedWork, stream: Stream, isColoured: boolean, onDispose: () => void) {
    this.#work = work;
    this.#onDispose = onDispose;
    this.#timer = setTimeout(() => void this.#show(stream, isColoured), SHOWN_AFTER_MS).unref();
  }

  begin(item: string): void {
    this.#waitingFor.push(item);
  }

  finish(item: string, count = 1): void {
    const index = this.#waitingFor.indexOf(item);
    if (index >= 0) this.#waitingFor.splice(index, 1);
    this.#count += count;
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    clearTimeout(this.#timer);
    clearInterval(this.#redraw);
    this.spinner?.stop();
    this.#onDispose();
  }

  async #show(stream: Stream, isColoured: boolean): Promise<void> {
    const { default: ora } = await import('ora');
    if (this.#isDisposed) return;
    // Standard input is left alone: it may carry a manifest, and Ctrl-C has to reach the process.
    const spinner = ora({
      text: this.#text(),
      stream,
      discardStdin: false,
      hideCursor: false,
      color: isColoured && 'cyan',
    });
    // Without cursor control, or in a terminal without columns, each redrawing would add a line.
    if (!spinner.isEnabled || stream.columns === 0) return;
    this.spinner = spinner.start();
    this.#redraw = setInterval(() => {
      spinner.text = this.#text();
    }, REDRAWN_EVERY_MS).unref();
  }

  #text(): string {
    const seconds = (performance.now() - this.#started) / 1_000;
    return progressText(this.#work, this.#count, this.#count / seconds, this.#waitingFor);
  }
}

/** `37 of 200 images resolved, 12/s; waiting for registry.example.com/app:1 and 4 more`. */
export function progressText(
  { counted, total }: CountedWork,
  count: number,
  perSecond: number,
  waitingFor: readonly string[],
): string {
  const of = total === undefined ? '' : ` of ${total}`;
  const rate = perSecond >= 10 ? Math.round(perSecond) : Math.round(perSecond * 10) / 10;
  const [first, ...others] = waitingFor;
  const more = others.length === 0 ? '' : ` and ${others.length} more`;
  const waiting = first === undefined ? '' : `; waiting for ${excerpt(first)}${more}`;
  return `${count}${of} ${counted}, ${rate}/s${waiting}`;
}
