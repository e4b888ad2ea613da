import { once } from 'node:events';
import { createServer } from 'node:http';
import { CommandFailed } from '../../console/exit.ts';
import type { WatchMetrics } from './metrics.ts';

/** Where to listen; without a host, at all addresses. */
export interface ListenAddress {
  host: string | undefined;
  port: number;
}

/**
 * Serves `/metrics`, and `/healthz` for the kubelet.
 *
 * @returns the port
 * @throws CommandFailed if it can't listen there
 */
export async function serveMetrics(
  { host, port }: ListenAddress,
  metrics: WatchMetrics,
): Promise<{ port: number } & Disposable> {
  const server = createServer(async (request, response) => {
    if (request.url === '/healthz') {
      response.setHeader('content-type', 'text/plain').end('ok\n');
    } else if (request.url === '/metrics') {
      const text = await metrics.text();
      response.setHeader('content-type', metrics.contentType).end(text);
    } else {
      response.writeHead(404).end();
    }
  });
  server.listen({ port, ...(host === undefined ? {} : { host }) });
  try {
    await once(server, 'listening');
  } catch (cause) {
    const where = `${host ?? ''}:${port}`;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CommandFailed(
      `metrics can't be served at ${where}: ${why}; choose another address with --listen`,
      {
        cause,
      },
    );
  }
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    [Symbol.dispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}
