import { jsonReply, type ReceivedRequest, type Reply } from '../answering.ts';
import type { AccessRules, Identity, User } from './access.ts';
import { errorReply } from './errors.ts';
import { formatScope, parseScopes } from './scope.ts';
import type { Tokens } from './tokens.ts';

export interface TokenEndpointOptions {
  /** The field of the response with the token: `token` (the default), or OAuth's `access_token`. */
  readonly tokenField?: 'token' | 'access_token';
  /** The lifetime of tokens in seconds, 300 by default, and its value in the response. */
  readonly expiresIn?: number;
  /** Answers 403 if nothing requested can be granted, as GHCR does; otherwise the token grants nothing. */
  readonly refuseUngranted?: boolean;
  /** Answers POST with 404, like registries that support only the older GET. */
  readonly withoutPost?: boolean;
}

export const defaultExpiresIn = 300;

/** Answers token requests: GET as in the token specification, POST as in its OAuth 2 variant. */
export class TokenEndpoint {
  readonly #rules: AccessRules;
  readonly #tokens: Tokens;
  readonly #options: TokenEndpointOptions;

  constructor(rules: AccessRules, tokens: Tokens, options: TokenEndpointOptions) {
    this.#rules = rules;
    this.#tokens = tokens;
    this.#options = options;
  }

  answer(request: ReceivedRequest): Reply {
    if (request.method === 'GET') {
      const wantsRefresh = request.query.get('offline_token') === 'true';
      return this.#grant(this.#rules.identify(request.headers.authorization), request.query, wantsRefresh);
    }
    if (request.method !== 'POST' || this.#options.withoutPost) return { status: 404 };
    const form = new URLSearchParams(request.body.toString());
    const identity = this.#identifyForm(form);
    if (identity === undefined) return jsonReply(400, { error: 'unsupported_grant_type' });
    return this.#grant(identity, form, form.get('access_type') === 'offline', 'access_token');
  }

  #identifyForm(form: URLSearchParams): Identity | undefined {
    switch (form.get('grant_type')) {
      case 'refresh_token':
        return this.#refreshing(form.get('refresh_token') ?? '') ?? 'refused';
      case 'password':
        return this.#rules.login(form.get('username') ?? '', form.get('password') ?? '');
      default:
        return undefined;
    }
  }

  #refreshing(token: string): User | undefined {
    return this.#rules.withIdentityToken(token) ?? this.#tokens.refreshes(token);
  }

  #grant(
    identity: Identity,
    parameters: URLSearchParams,
    wantsRefresh: boolean,
    field = this.#options.tokenField ?? 'token',
  ): Reply {
    if (identity === 'refused')
      return errorReply('UNAUTHORIZED', { message: 'incorrect username or password' });
    const wanted = parseScopes(parameters.getAll('scope'));
    const access = wanted
      .map((scope) => this.#rules.granted(identity, scope))
      .filter(({ actions }) => actions.length > 0);
    if (this.#options.refuseUngranted && wanted.length > 0 && access.length === 0)
      return errorReply('DENIED');
    const refresh =
      wantsRefresh && identity !== 'anonymous' ? this.#tokens.issueRefresh(identity) : undefined;
    return jsonReply(200, {
      [field]: this.#tokens.issue(access),
      scope: formatScope(access),
      expires_in: this.#options.expiresIn ?? defaultExpiresIn,
      issued_at: new Date().toISOString(),
      refresh_token: refresh,
    });
  }
}
