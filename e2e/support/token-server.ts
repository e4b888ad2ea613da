import { startAnswering } from '../../test/support/answering.ts';
import { createAuthority } from '../../test/support/authority.ts';
import { type AccessOptions, AccessRules } from '../../test/support/registry/access.ts';
import { SignedTokens } from '../../test/support/registry/signed-tokens.ts';
import { TokenEndpoint } from '../../test/support/registry/token-endpoint.ts';
import { RequestLog } from '../../test/support/request-log.ts';

const issuer = 'tagpin e2e';
const lifetimeSeconds = 300;

/** Issues tokens for a registry that has no accounts of its own. */
export interface TokenServer extends AsyncDisposable {
  /** Its own host and port, not the registry's. */
  readonly host: string;
  /** The registry's settings for it. */
  readonly realm: string;
  readonly issuer: string;
  readonly certificates: string;
  /** Issues a token to push to a repository. */
  pushToken(repository: string): string;
}

/** Starts a token server on a free port of loopback, for the service (the registry's name for itself). */
export async function startTokenServer(service: string, access: AccessOptions): Promise<TokenServer> {
  const authority = await createAuthority(issuer);
  const keyPair = await authority.issue(['token.test']);
  const tokens = new SignedTokens({ issuer, service, keyPair, lifetimeSeconds });
  const endpoint = new TokenEndpoint(new AccessRules(access), tokens, { expiresIn: lifetimeSeconds });
  const listener = await startAnswering({
    // By name, because crane refuses a realm at a private address other than the registry's.
    name: 'localhost',
    log: new RequestLog(),
    answer: (request) => endpoint.answer(request),
  });
  return {
    host: listener.host,
    realm: `${listener.url}/token`,
    issuer,
    certificates: authority.caPem,
    pushToken: (repository) => tokens.issue([{ repository, actions: ['pull', 'push'] }]),
    [Symbol.asyncDispose]: listener.close,
  };
}
