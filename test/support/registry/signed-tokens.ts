import { createPrivateKey, randomUUID, sign, X509Certificate } from 'node:crypto';
import type { KeyPair } from '../listen.ts';
import type { Access } from './access.ts';
import { Tokens } from './tokens.ts';

export interface SignedTokensOptions {
  readonly issuer: string;
  readonly service: string;
  /** Signs the tokens, which include the certificate for the registry to verify with its CA. */
  readonly keyPair: KeyPair;
  readonly lifetimeSeconds: number;
}

/** Tokens in the format of real registries: signed JSON (distribution docs/content/spec/auth/jwt.md). */
export class SignedTokens extends Tokens {
  readonly #options: SignedTokensOptions;

  constructor(options: SignedTokensOptions) {
    super(options.lifetimeSeconds);
    this.#options = options;
  }

  override issue(access: readonly Access[]): string {
    const { issuer, service, keyPair, lifetimeSeconds } = this.#options;
    const certificate = new X509Certificate(keyPair.cert).raw.toString('base64');
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: issuer,
      sub: '',
      aud: service,
      iat: now,
      nbf: now - 60,
      exp: now + lifetimeSeconds,
      jti: randomUUID(),
      access: access.map(({ repository, actions }) => ({ type: 'repository', name: repository, actions })),
    };
    const signed = `${encode({ typ: 'JWT', alg: 'ES256', x5c: [certificate] })}.${encode(claims)}`;
    const key = { key: createPrivateKey(keyPair.key), dsaEncoding: 'ieee-p1363' } as const;
    return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`;
  }
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
