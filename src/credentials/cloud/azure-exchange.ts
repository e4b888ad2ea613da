import { type Dispatcher, request } from 'undici';
import { z } from 'zod';
import { parseJson } from '../../json.ts';

/** Thrown when a registry doesn't exchange a token. The message completes a sentence and holds no secrets. */
export class RefusedExchange extends Error {
  override readonly name = 'RefusedExchange';
}

const PATH = '/oauth2/exchange';
const SILENCE_TIMEOUT_MS = 5_000;
/** A refresh token is 1 to 2 KiB. */
const BODY_LIMIT = 64 * 1024;

const responseSchema = z.object({
  // The characters of a JSON web token: the token is sent in a header later.
  refresh_token: z.string().regex(/^[\w.~+/=-]+$/),
});
const claimsSchema = z.object({ iat: z.number(), exp: z.number() });
const errorSchema = z.object({
  errors: z.array(z.object({ code: z.string().regex(/^[A-Z_]{1,64}$/) })).min(1),
});

/**
 * Exchanges a token of Microsoft Entra for a refresh token of a registry (Azure/acr docs/AAD-OAuth.md, "Calling POST
 * /oauth2/exchange"). The token goes to the registry's own host and nowhere else: redirects aren't followed. The
 * request leaves out the tenant, because the token names it.
 *
 * @param dispatcher the connections for a URL
 * @returns the refresh token, and its lifetime in milliseconds, NaN if unknown
 * @throws RefusedExchange, or an error of undici
 */
export async function exchange(
  host: string,
  entraToken: string,
  dispatcher: (url: URL) => Dispatcher,
  signal: AbortSignal,
): Promise<{ refreshToken: string; lifetime: number }> {
  const url = URL.parse(`https://${host}${PATH}`);
  if (url?.host !== host || url.pathname !== PATH) throw new RefusedExchange('its name is no valid host');
  const response = await request(url, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body: new URLSearchParams({
      grant_type: 'access_token',
      service: host,
      access_token: entraToken,
    }).toString(),
    dispatcher: dispatcher(url),
    headersTimeout: SILENCE_TIMEOUT_MS,
    bodyTimeout: SILENCE_TIMEOUT_MS,
    signal,
  });
  const body = parseJson(await readBounded(response.body));
  if (response.statusCode !== 200) {
    const { data } = errorSchema.safeParse(body);
    const code = data?.errors[0]?.code;
    throw new RefusedExchange(`it answers ${response.statusCode}${code === undefined ? '' : ` ${code}`}`);
  }
  const { data } = responseSchema.safeParse(body);
  if (data === undefined) throw new RefusedExchange('its response has no token');
  return { refreshToken: data.refresh_token, lifetime: lifetimeOf(data.refresh_token) };
}

/** From the token's claims. Both are by the issuer's clock, so a wrong clock on this machine doesn't matter. */
function lifetimeOf(refreshToken: string): number {
  const payload = Buffer.from(refreshToken.split('.')[1] ?? '', 'base64url').toString('utf8');
  const { data } = claimsSchema.safeParse(parseJson(payload));
  return data === undefined ? Number.NaN : (data.exp - data.iat) * 1_000;
}

async function readBounded(body: Dispatcher.ResponseData['body']): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > BODY_LIMIT) throw new RefusedExchange('its response is too large');
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}
