import { randomBytes } from 'node:crypto';
import { keepSecret } from '../secrets/record.ts';
import type { Access, User } from './access.ts';

interface Grant {
  readonly access: readonly Access[];
  readonly expiresAt: number;
}

/** Opaque bearer tokens with their grants, and the refresh tokens issued with them. */
export class Tokens {
  readonly #lifetime: number;
  #grants = new Map<string, Grant>();
  #refreshes = new Map<string, User>();

  constructor(lifetimeSeconds: number) {
    this.#lifetime = lifetimeSeconds * 1000;
  }

  issue(access: readonly Access[]): string {
    const token = opaque();
    this.#grants.set(token, { access, expiresAt: Date.now() + this.#lifetime });
    return token;
  }

  issueRefresh(user: User): string {
    const token = opaque();
    this.#refreshes.set(token, user);
    return token;
  }

  /** What the token grants; undefined for one that is unknown, expired or revoked. */
  grant(token: string): readonly Access[] | undefined {
    const found = this.#grants.get(token);
    return found !== undefined && Date.now() < found.expiresAt ? found.access : undefined;
  }

  refreshes(token: string): User | undefined {
    return this.#refreshes.get(token);
  }

  revokeAll(): void {
    this.#grants = new Map();
    this.#refreshes = new Map();
  }
}

function opaque(): string {
  const token = randomBytes(24).toString('base64url');
  keepSecret(token);
  return token;
}
