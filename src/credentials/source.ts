import type { Credential } from './credential.ts';

/** Gives credentials of tagpin's own, as opposed to a pod's pull secrets: a docker config, a cloud's identity. */
export interface CredentialSource {
  /**
   * The credentials for a repository (`docker.io/library/nginx`, neither tag nor digest), in the order to try them;
   * none if it isn't for this source.
   *
   * @throws CredentialError when there should be some and they can't be had; or the signal's reason
   */
  credentials(repository: string, signal: AbortSignal): Promise<readonly Credential[]>;
}

/** Thrown when a source that is meant for an image gives no credential. The message is one line without secrets. */
export class CredentialError extends Error {
  override readonly name = 'CredentialError';
  /** What failed, such as `ECR 123456789012.dkr.ecr.eu-west-1.amazonaws.com`. */
  readonly source: string;
  /** What to do about it. */
  readonly remedy: string;

  constructor(source: string, message: string, remedy: string, cause?: unknown) {
    super(message, { cause });
    this.source = source;
    this.remedy = remedy;
  }
}
