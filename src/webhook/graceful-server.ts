import { once } from 'node:events';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** A server that is listening. */
export interface ListeningServer {
  /** Accepts no new connections, answers the requests under way, and closes. */
  close(): Promise<void>;
}

/**
 * The API server's client keeps idle connections open, and doesn't repeat a POST on a connection that the server has just closed
 * (apiserver pkg/util/webhook/client.go): the call fails, and under `Ignore` the pod isn't pinned. So the server keeps
 * connections for far longer than any pause between pods.
 */
const KEEP_ALIVE_MS = 15 * 60_000;
/** The time in which a request must arrive whole; slower ones only hold connections. */
const REQUEST_TIMEOUT_MS = 30_000;
/** The time that requests under way have to end when the server closes. */
const CLOSE_TIMEOUT_MS = 15_000;

/**
 * Starts `server` on all addresses; rejects if the port is taken.
 *
 * @param closeTimeout milliseconds that connections have to end when the server closes
 */
export async function listen(
  server: Server,
  port: number,
  closeTimeout = CLOSE_TIMEOUT_MS,
): Promise<ListeningServer> {
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.headersTimeout = REQUEST_TIMEOUT_MS;
  // The server only knows connections whose TLS handshake has begun: another one would keep it from closing.
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  // A connection becomes idle a moment after its answer, and would be kept for the next request.
  let closing = false;
  const closeIdle = () => closing && server.closeIdleConnections();
  server.on('request', (_request, response) => response.once('close', () => setImmediate(closeIdle)));
  server.listen(port);
  await once(server, 'listening');
  return {
    async close() {
      const closed = once(server, 'close');
      closing = true;
      server.close();
      closeIdle();
      const timer = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, closeTimeout);
      await closed;
      clearTimeout(timer);
    },
  };
}
