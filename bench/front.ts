import { once } from 'node:events';
import { Agent, request as forward, type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import type { KeyPair } from '../test/support/listen.ts';
import type { TokenEndpoint } from '../test/support/registry/token-endpoint.ts';
import type { Watched } from './rounds.ts';

/** What stands before a registry: TLS, its token server, and somebody who writes down every request. */
export interface Front extends AsyncDisposable {
  /** Host and port. */
  readonly host: string;
  readonly watched: Watched;
  /** From now on, requests go to this registry, and requests for tokens to this endpoint. */
  lead(registry: string, tokens: TokenEndpoint): void;
}

export async function startFront(keyPair: KeyPair): Promise<Front> {
  const agent = new Agent({ keepAlive: true });
  const requests: string[] = [];
  let connections = 0;
  let target: { registry: string; tokens: TokenEndpoint } | undefined;

  const server = https.createServer({ ...keyPair }, (request, response) => {
    requests.push(`${request.method} ${request.url?.replace(/\?.*/, '')}`);
    if (target === undefined) response.writeHead(503).end();
    else if (request.url?.startsWith('/token')) answer(target.tokens, request, response);
    else pass(target.registry, agent, request, response);
  });
  server.on('secureConnection', () => connections++);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no TCP port');
  return {
    host: `127.0.0.1:${address.port}`,
    get watched() {
      return { requests, connections };
    },
    lead(registry, tokens) {
      target = { registry, tokens };
    },
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      agent.destroy();
    },
  };
}

function answer(
  tokens: TokenEndpoint,
  { url, method, headers }: IncomingMessage,
  response: ServerResponse,
): void {
  const { searchParams, pathname } = new URL(url ?? '/', 'https://localhost');
  const reply = tokens.answer({
    method: method ?? 'GET',
    path: pathname,
    query: searchParams,
    headers,
    body: Buffer.alloc(0),
  });
  response.writeHead(reply.status, reply.headers).end(reply.body);
}

function pass(registry: string, agent: Agent, request: IncomingMessage, response: ServerResponse): void {
  const { method, url, headers } = request;
  const onward = forward(`http://${registry}${url}`, {
    method,
    headers: { ...headers, 'x-forwarded-proto': 'https' },
    agent,
  });
  onward.on('response', (reply) => {
    response.writeHead(reply.statusCode ?? 502, reply.headers);
    reply.pipe(response);
  });
  onward.on('error', () => response.destroy());
  request.pipe(onward);
}
