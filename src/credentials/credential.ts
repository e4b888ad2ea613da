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
