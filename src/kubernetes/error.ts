/** What the API server, or the way to it, answered instead of what was asked for. */
export class KubernetesError extends Error {
  override readonly name = 'KubernetesError';
  /** The HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** The API server's reason (`NotFound`, `Forbidden`, `Conflict`…), or what kept it from answering. */
  readonly reason: string;
  /** What it says besides, as kubectl shows it behind `Warning:`. */
  readonly warnings: readonly string[];

  constructor(
    message: string,
    details: { status: number; reason: string; warnings?: readonly string[]; cause?: unknown },
  ) {
    super(message, { cause: details.cause });
    this.status = details.status;
    this.reason = details.reason;
    this.warnings = details.warnings ?? [];
  }
}

/** Thrown where nothing says how to reach the API server. The message says what to mend. */
export class InvalidKubeconfig extends Error {
  override readonly name = 'InvalidKubeconfig';
}
