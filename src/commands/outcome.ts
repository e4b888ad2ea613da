/** The exit codes of every command. */
export const exitCode = { done: 0, findings: 1, wrongUse: 2, failed: 3 } as const;
export type ExitCode = (typeof exitCode)[keyof typeof exitCode];

/** Thrown for what whoever runs the command has to write differently. The message says what, and how. */
export class WrongUse extends Error {
  override readonly name = 'WrongUse';
}

/** Thrown for what isn't wrong use and still leaves nothing to do. The message says what, and how to mend it. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
}

/** Why the process ends when it is asked to; by a shell's custom the exit code is 128 and the signal's number. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly code: number;

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super(`ended by ${signal}`);
    this.code = signal === 'SIGINT' ? 130 : 143;
  }
}

/** Where a command writes. */
export interface Terminal {
  /** Its result. */
  out(text: string): void;
  /** What is for people. */
  err(text: string): void;
  /** Shows how far something is that may take a while: on a terminal, if it takes over a second. */
  progress(of: Work): Progress;
}

/** Something that consists of many things of a kind. */
export interface Work {
  /** What is counted: `images resolved`. */
  counted: string;
  /** How many there are, once that is known. */
  total?: number;
}

/** How far something is. Disposing of it takes it off the terminal. */
export interface Progress extends Disposable {
  /** This is being waited for now. */
  begin(what: string): void;
  /** It isn't waited for any more, and so many more count. */
  finish(what: string, count?: number): void;
}

/** Where nobody watches. */
export const noProgress: Progress = {
  begin: () => undefined,
  finish: () => undefined,
  [Symbol.dispose]: () => undefined,
};
