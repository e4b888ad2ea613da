import { keepSecret } from '../secrets/record.ts';

/** A user and its permissions. In a pattern of repositories, `*` matches any characters, including slashes. */
export interface User {
  readonly name: string;
  readonly password: string;
  /** Accepted instead of the password as a refresh token, only by the token endpoint. */
  readonly identityToken?: string;
  readonly pull?: readonly string[];
  /** To push and delete; pulling takes `pull`. */
  readonly push?: readonly string[];
}

export type Action = 'pull' | 'push' | 'delete';

/** Actions on one repository that a request needs or a token grants. */
export interface Access {
  readonly repository: string;
  readonly actions: readonly Action[];
}

export interface AccessOptions {
  readonly users?: readonly User[];
  /** Repositories that anyone may pull. */
  readonly public?: readonly string[];
}

/** The identity of an Authorization header: a user, anonymous, or invalid. */
export type Identity = User | 'anonymous' | 'refused';

export class AccessRules {
  readonly #users: readonly User[];
  readonly #public: readonly string[];

  constructor(options: AccessOptions) {
    this.#users = options.users ?? [];
    for (const { password, identityToken } of this.#users) {
      keepSecret(password);
      if (identityToken !== undefined) keepSecret(identityToken);
    }
    this.#public = options.public ?? [];
  }

  /** Reads Basic credentials. No header is anonymous; anything but a known name and password is refused. */
  identify(authorization: string | undefined): Identity {
    if (authorization === undefined) return 'anonymous';
    const encoded = /^Basic +(\S+)$/i.exec(authorization)?.[1];
    if (encoded === undefined) return 'refused';
    const [, name, password] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString()) ?? [];
    return this.login(name, password);
  }

  login(name: string | undefined, password: string | undefined): User | 'refused' {
    return this.#users.find((user) => user.name === name && user.password === password) ?? 'refused';
  }

  withIdentityToken(token: string): User | undefined {
    return this.#users.find((user) => user.identityToken === token);
  }

  /** The part of the requested access that the identity has; its actions may be empty. */
  granted(identity: User | 'anonymous', { repository, actions }: Access): Access {
    return { repository, actions: actions.filter((action) => this.#allows(identity, repository, action)) };
  }

  allows(identity: User | 'anonymous', { repository, actions }: Access): boolean {
    return actions.every((action) => this.#allows(identity, repository, action));
  }

  #allows(identity: User | 'anonymous', repository: string, action: Action): boolean {
    const { pull = [], push = [] } = identity === 'anonymous' ? {} : identity;
    const patterns = action === 'pull' ? [...pull, ...this.#public] : push;
    return patterns.some((pattern) => matches(pattern, repository));
  }
}

function matches(pattern: string, repository: string): boolean {
  const literal = (part: string) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${pattern.split('*').map(literal).join('.*')}$`).test(repository);
}
