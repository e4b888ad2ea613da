/** The exit codes of every command. */
export const exitCode = { done: 0, findings: 1, wrongUse: 2, failed: 3 } as const;
export type ExitCode = (typeof exitCode)[keyof typeof exitCode];

/** An argument, an option or a file that the user has to correct. The message says what is wrong, and the remedy. */
export class WrongUse extends Error {
  override readonly name = 'WrongUse';
}

/** A failure that leaves the command nothing to do, while its use is right. The message includes the remedy. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
}
