import { type Fault, type ReceivedRequest, startAnswering } from './answering.ts';
import type { Listener } from './listen.ts';
import { RequestLog } from './request-log.ts';

/** The APIs of AWS behind a counting proxy: moto's answers, or a fault. */
export interface AwsApi extends Listener {
  readonly requests: RequestLog;
  /** Requests get this instead of moto, until it is unset. */
  fault: Fault | undefined;
  /** How often an operation, such as `GetAuthorizationToken`, has been called. */
  count(operation: string): number;
}

/** Starts a proxy to moto at `url`. */
export async function startAwsApi(moto: string): Promise<AwsApi> {
  const requests = new RequestLog();
  const operations: string[] = [];
  let fault: Fault | undefined;
  const listener = await startAnswering({
    log: requests,
    faultFor: () => fault,
    async answer({ method, path, query, headers, body }) {
      operations.push(operationOf({ method, path, query, headers, body }));
      const response = await fetch(`${moto}${path}?${query}`, {
        method,
        headers: forwarded(headers),
        ...(method === 'GET' ? {} : { body: new Uint8Array(body) }),
      });
      const type = response.headers.get('content-type') ?? 'text/plain';
      return {
        status: response.status,
        headers: { 'Content-Type': type },
        body: Buffer.from(await response.arrayBuffer()),
      };
    },
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
    count: (operation) => operations.filter((name) => name === operation).length,
  };
}

/** JSON APIs have the operation in a header, older ones in the form. */
function operationOf({ headers, body }: ReceivedRequest): string {
  const target = headers['x-amz-target'];
  if (typeof target === 'string') return target.split('.')[1] ?? target;
  return new URLSearchParams(body.toString('utf8')).get('Action') ?? '';
}

const kept = ['authorization', 'content-type', 'x-amz-date', 'x-amz-security-token', 'x-amz-target'];

function forwarded(headers: ReceivedRequest['headers']): Record<string, string> {
  return Object.fromEntries(
    kept.flatMap((name) => {
      const value = headers[name];
      return typeof value === 'string' ? [[name, value]] : [];
    }),
  );
}
