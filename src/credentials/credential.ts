import { createHmac, randomBytes } from 'node:crypto';
import { inspect } from 'node:util';

/** The fields of a {@link Credential}. */
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
 * A login for a registry.
 *
 * Everything except the source is private, so that JSON, `util.inspect`, loggers and template strings can't show it: the
 * user name too, because some registries take a token there. A spread copy holds no secrets either.
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

  /** Texts to remove from whatever a registry answers. */
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

// Random, so that a password can't be guessed from a fingerprint in a log.
const fingerprintKey = randomBytes(32);

/**
 * A cache key, equal for equal credentials in the same order; their sources don't count. Opaque, valid in this process
 * only, and empty for no credentials.
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
