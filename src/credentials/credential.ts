import { createHmac, randomBytes } from 'node:crypto';
import { inspect } from 'node:util';

/** What a {@link Credential} is made of. */
export interface CredentialFields {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** An OAuth 2 refresh token for the registry's token service. The kubelet ignores it. */
  readonly identityToken?: string | undefined;
  /** A bearer token for the registry itself. The kubelet ignores it. */
  readonly registryToken?: string | undefined;
  /** Where the credential comes from, such as `secret team-a/regcred`. */
  readonly source: string;
}

/**
 * What to log in to a registry with.
 *
 * All but the source is private, so that JSON, `util.inspect`, loggers and template strings can't show it:
 * the user name too, because some registries take a token there. A copy by spreading has no secrets either.
 */
export class Credential {
  readonly source: string;
  readonly #fields: CredentialFields;

  constructor(fields: CredentialFields) {
    this.source = fields.source;
    this.#fields = fields;
  }

  get username(): string {
    return this.#fields.username ?? '';
  }

  get password(): string {
    return this.#fields.password ?? '';
  }

  get identityToken(): string | undefined {
    return this.#fields.identityToken;
  }

  get registryToken(): string | undefined {
    return this.#fields.registryToken;
  }

  /** What must not be shown, should somebody else say it. */
  get secrets(): string[] {
    const { password, identityToken, registryToken } = this;
    return [password, identityToken, registryToken].filter((secret) => secret !== undefined);
  }

  toString(): string {
    return `credential of ${this.source}`;
  }

  [inspect.custom](): string {
    return `Credential(${this.source})`;
  }
}

// Random, so that passwords can't be guessed from a fingerprint that reaches a log.
const fingerprintKey = randomBytes(32);

/**
 * A key for caches, the same for the same credentials in the same order; where they come from doesn't count.
 * Opaque, good for this process only, and empty for no credentials.
 */
export function fingerprint(credentials: readonly Credential[]): string {
  if (credentials.length === 0) return '';
  const fields = credentials.map((c) => [c.username, c.password, c.identityToken, c.registryToken]);
  return createHmac('sha256', fingerprintKey).update(JSON.stringify(fields)).digest('base64url');
}

/** A source of tagpin's own credentials, as opposed to a pod's pull secrets: a docker config, a cloud's identity. */
export interface CredentialSource {
  /**
   * The credentials for a repository (`docker.io/library/nginx`, neither tag nor digest), in the order to try them;
   * none if this source isn't meant for it.
   *
   * @throws CredentialError when the source is meant for it and fails; or the signal's reason
   */
  credentials(repository: string, signal: AbortSignal): Promise<readonly Credential[]>;
}

/** Thrown when a source that is meant for an image fails. The message is one line without secrets. */
export class CredentialError extends Error {
  override readonly name = 'CredentialError';
  /** What failed, such as `ECR 123456789012.dkr.ecr.eu-west-1.amazonaws.com`. */
  readonly source: string;
  /** What the user can do about it. */
  readonly remedy: string;

  constructor(source: string, message: string, remedy: string, cause?: unknown) {
    super(message, { cause });
    this.source = source;
    this.remedy = remedy;
  }
}
