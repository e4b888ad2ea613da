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

/** Where a command writes. */
export interface Terminal {
  /** Its result. */
  out(text: string): void;
  /** What is for people. */
  err(text: string): void;
}
