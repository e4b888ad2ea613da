import { type Fault, jsonReply, startAnswering } from './answering.ts';
import type { Listener } from './listen.ts';
import { RequestLog } from './request-log.ts';

/** The metadata server of a Google VM or of GKE's workload identity. */
export interface MetadataServer extends Listener {
  readonly requests: RequestLog;
  /** The access token that it issues, and its lifetime in seconds. */
  token: { value: string; expiresIn: number };
  /** Token requests get this instead, until it is unset. */
  fault: Fault | undefined;
  /** The number of token requests. */
  tokens(): number;
}

const ROOT = '/computeMetadata/v1';
const TOKEN = `${ROOT}/instance/service-accounts/default/token`;
const flavor = { 'Metadata-Flavor': 'Google' };

export async function startMetadataServer(): Promise<MetadataServer> {
  const requests = new RequestLog();
  let token = { value: 'ya29.of-the-metadata-server', expiresIn: 3600 };
  let fault: Fault | undefined;
  const listener = await startAnswering({
    log: requests,
    faultFor: ({ path }) => (path === TOKEN ? fault : undefined),
    answer({ path, headers }) {
      // The header that pages in a browser and proxied requests can't send.
      if (headers['metadata-flavor'] !== 'Google') return { status: 403, headers: flavor };
      if (path === `${ROOT}/instance`) return { status: 200, headers: flavor, body: 'service-accounts/\n' };
      if (path !== TOKEN) return { status: 404, headers: flavor };
      const answer = { access_token: token.value, expires_in: token.expiresIn, token_type: 'Bearer' };
      return jsonReply(200, answer, flavor);
    },
  });
  return {
    ...listener,
    requests,
    get token() {
      return token;
    },
    set token(value) {
      token = value;
    },
    get fault() {
      return fault;
    },
    set fault(value) {
      fault = value;
    },
    tokens: () => requests.count(({ path }) => path === TOKEN),
  };
}
