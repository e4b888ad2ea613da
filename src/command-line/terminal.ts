import { noProgress, type Progress, type Terminal, type Work } from '../commands/outcome.ts';
import { excerpt } from '../image/excerpt.ts';

/** What takes less isn't worth a line that comes and goes. */
const PATIENCE_MS = 1_000;
const REDRAWN_EVERY_MS = 200;

type Stream = NodeJS.WritableStream & { isTTY?: boolean; columns?: number };

/**
 * The terminal, or what stands in its place, behind standard output and standard error.
 *
 * @param isColoured whether progress may have a colour
 */
export function openTerminal(stdout: Stream, stderr: Stream, isColoured: boolean): Terminal {
  const shown = new Set<Shown>();
  // What is written goes where the progress stands, which comes back below it.
  const write = (stream: Stream, text: string) => {
    for (const { spinner } of shown) spinner?.clear();
    stream.write(text);
  };
  return {
    out: (text) => write(stdout, text),
    err: (text) => write(stderr, text),
    progress(work) {
      if (!stderr.isTTY) return noProgress;
      const progress = new Shown(work, stderr, isColoured, () => shown.delete(progress));
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

class Shown implements Progress {
  spinner: Spinner | undefined;
  readonly #work: Work;
  readonly #waitingFor: string[] = [];
  readonly #started = performance.now();
  readonly #timer: NodeJS.Timeout;
  readonly #forget: () => void;
  #redraw: NodeJS.Timeout | undefined;
  #isOver = false;
  #count = 0;

  constructor(work: Work, stream: Stream, isColoured: boolean, forget: () => void) {
    this.#work = work;
    this.#forget = forget;
    this.#timer = setTimeout(() => void this.#show(stream, isColoured), PATIENCE_MS).unref();
  }

  begin(what: string): void {
    this.#waitingFor.push(what);
  }

  finish(what: string, count = 1): void {
    const index = this.#waitingFor.indexOf(what);
    if (index >= 0) this.#waitingFor.splice(index, 1);
    this.#count += count;
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    clearInterval(this.#redraw);
    this.spinner?.stop();
    this.#forget();
  }

  async #show(stream: Stream, isColoured: boolean): Promise<void> {
    const { default: ora } = await import('ora');
    if (this.#isOver) return;
    // Standard input is left alone: a manifest may be coming from there, and Ctrl-C is for the process.
    const spinner = ora({
      text: this.#text(),
      stream,
      discardStdin: false,
      hideCursor: false,
      color: isColoured && 'cyan',
    });
    // What can't be taken back fills a terminal; and of one that has no columns nobody knows what to take back.
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
  { counted, total }: Work,
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
