import { type Fault, jsonReply, type Outcome, type ReceivedRequest, startAnswering } from './answering.ts';
import type { Authority } from './authority.ts';
import type { Listener } from './listen.ts';
import { RequestLog } from './request-log.ts';

export const TENANT = '11111111-2222-3333-4444-555555555555';
export const CLIENT = '66666666-7777-8888-9999-000000000000';

/** A server of Azure, with the requests it got and a fault to inject. */
export interface AzureServer extends Listener {
  readonly requests: RequestLog;
  /** Token requests get this instead, until it is unset. */
  fault: Fault | undefined;
  /** The number of token requests. */
  tokens(): number;
}

/** Microsoft Entra: issues an access token for a ServiceAccount's token as the assertion. */
export async function startEntra(
  authority: Authority,
  assertion: string,
  accessToken: string,
): Promise<AzureServer> {
  const tls = await authority.issue(['127.0.0.1']);
  return start(tls, ({ path, headers, body }) => {
    const base = `https://${headers.host}/${TENANT}`;
    if (path === `/${TENANT}/v2.0/.well-known/openid-configuration`) {
      return jsonReply(200, {
        issuer: `${base}/v2.0`,
        authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
        token_endpoint: `${base}/oauth2/v2.0/token`,
        jwks_uri: `${base}/discovery/v2.0/keys`,
      });
    }
    if (path !== `/${TENANT}/oauth2/v2.0/token`) return { status: 404 };
    const form = formOf(body);
    if (form.get('client_id') === CLIENT && form.get('client_assertion') === assertion) {
      return jsonReply(200, { token_type: 'Bearer', expires_in: 3600, access_token: accessToken });
    }
    return jsonReply(400, { error: 'invalid_client', error_description: 'AADSTS700213: No matching record' });
  });
}

/** The token exchange of a registry, with a certificate for its name. */
export async function startExchange(
  authority: Authority,
  host: string,
  exchanged: { readonly accessToken: string; refreshToken(): string },
): Promise<AzureServer> {
  return start(await authority.issue([host]), ({ path, method, body }) => {
    if (path !== '/oauth2/exchange' || method !== 'POST') return { status: 404 };
    const form = formOf(body);
    const granted =
      form.get('grant_type') === 'access_token' &&
      form.get('service') === host &&
      form.get('access_token') === exchanged.accessToken;
    if (granted) return jsonReply(200, { refresh_token: exchanged.refreshToken() });
    return jsonReply(401, { errors: [{ code: 'UNAUTHORIZED', message: `bad ${form.get('access_token')}` }] });
  });
}

/** An unsigned JSON web token. */
export function unsignedToken(claims: Readonly<Record<string, unknown>>): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}.c2lnbmF0dXJl`;
}

async function start(
  tls: { readonly cert: string; readonly key: string },
  answer: (request: ReceivedRequest) => Outcome,
): Promise<AzureServer> {
  const requests = new RequestLog();
  let fault: Fault | undefined;
  const listener = await startAnswering({
    log: requests,
    tls,
    faultFor: ({ method }) => (method === 'POST' ? fault : undefined),
    answer,
  });
  return {
    ...listener,
    requests,
    get fault() {
      return fault;
    },
    set fault(value) {
      fault = value;
    },
    tokens: () => requests.count(({ method }) => method === 'POST'),
  };
}

const formOf = (body: Buffer) => new URLSearchParams(body.toString('utf8'));
