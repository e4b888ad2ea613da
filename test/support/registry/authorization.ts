import type { ReceivedRequest, Reply } from '../answering.ts';
import type { Access, AccessRules } from './access.ts';
import { errorReply } from './errors.ts';
import { formatScope } from './scope.ts';
import type { Tokens } from './tokens.ts';

/** Returns the refusal of a request that needs this access (none: `/v2/` itself), or undefined to admit it. */
export type Authorize = (request: ReceivedRequest, needed: readonly Access[]) => Reply | undefined;

/** Basic: 401 without valid credentials, unless the repository is public; 403 with too few rights. */
export function authorizeBasic(rules: AccessRules, realm: string): Authorize {
  return ({ headers }, needed) => {
    const identity = rules.identify(headers.authorization);
    const open = needed.length > 0 && needed.every((access) => rules.allows('anonymous', access));
    if (identity === 'refused' || (identity === 'anonymous' && !open)) {
      return unauthorized(`Basic realm="${realm}"`, needed);
    }
    return needed.every((access) => rules.allows(identity, access)) ? undefined : errorReply('DENIED');
  };
}

export interface BearerParameters {
  readonly realm: string;
  readonly service: string;
}

/** Bearer, with distribution's challenges: a token with too little access also gets 401. */
export function authorizeBearer(tokens: Tokens, parameters: BearerParameters): Authorize {
  return ({ headers }, needed) => {
    const challenge = (error?: string) => unauthorized(bearerChallenge(parameters, needed, error), needed);
    const token = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
    if (token === undefined) return challenge();
    const grant = tokens.grant(token);
    if (grant === undefined) return challenge('invalid_token');
    return needed.every((access) => covers(grant, access)) ? undefined : challenge('insufficient_scope');
  };
}

function bearerChallenge(
  { realm, service }: BearerParameters,
  needed: readonly Access[],
  error?: string,
): string {
  const scope = needed.length > 0 ? `,scope="${formatScope(needed)}"` : '';
  return `Bearer realm="${realm}",service="${service}"${scope}${error ? `,error="${error}"` : ''}`;
}

function covers(grant: readonly Access[], { repository, actions }: Access): boolean {
  const granted = grant.filter((access) => access.repository === repository);
  return actions.every((action) => granted.some((access) => access.actions.includes(action)));
}

function unauthorized(challenge: string, needed: readonly Access[]): Reply {
  const detail = needed.flatMap(({ repository, actions }) =>
    actions.map((action) => ({ Type: 'repository', Class: '', Name: repository, Action: action })),
  );
  return errorReply('UNAUTHORIZED', { headers: { 'WWW-Authenticate': challenge }, detail });
}
