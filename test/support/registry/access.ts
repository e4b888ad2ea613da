import { keepSecret } from '../secrets/record.ts';

/** Who may do what. A pattern names repositories; `*` in it stands for any characters, slashes too. */
export interface User {
  readonly name: string;
  readonly password: string;
  /** Accepted in place of the password as a refresh token, by the token endpoint only. */
  readonly identityToken?: string;
  readonly pull?: readonly string[];
  /** To push and delete; pulling takes `pull`. */
  readonly push?: readonly string[];
}

export type Action = 'pull' | 'push' | 'delete';

/** Actions on one repository, as a request needs them or a token grants them. */
export interface Access {
  readonly repository: string;
  readonly actions: readonly Action[];
}

export interface AccessOptions {
  readonly users?: readonly User[];
  /** Repositories that anyone may pull. */
  readonly public?: readonly string[];
}

/** What an Authorization header proved: a user, nobody in particular, or that it lies. */
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

  /** Reads Basic credentials. No header is anonymous; anything else than a known name and password is refused. */
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

  /** As much of the wanted access as the identity has; the actions may come out empty. */
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
