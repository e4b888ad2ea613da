import { once } from 'node:events';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** A server that takes calls. */
export interface ListeningServer {
  /** Takes no new connections, answers what is under way, and closes. */
  close(): Promise<void>;
}

/**
 * The API server's client keeps idle connections for good and doesn't repeat a POST on one that was closed under it
 * (apiserver pkg/util/webhook/client.go): the call fails, and under `Ignore` the pod goes unpinned. So the server
 * keeps connections for far longer than any pause between pods.
 */
const KEEP_ALIVE_MS = 15 * 60_000;
/** A request must arrive whole within this; slower ones only hold connections. */
const REQUEST_TIMEOUT_MS = 30_000;
/** What is under way when closing gets so long to end. */
const CLOSE_TIMEOUT_MS = 15_000;

/**
 * Starts `server` on all addresses; rejects when the port can't be had.
 *
 * @param closeTimeout milliseconds that connections get to end when closing
 */
export async function listen(
  server: Server,
  port: number,
  closeTimeout = CLOSE_TIMEOUT_MS,
): Promise<ListeningServer> {
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.headersTimeout = REQUEST_TIMEOUT_MS;
  // The server knows its connections only from their TLS handshake on: one that never begins it would keep it open.
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  // A connection is idle again a moment after its answer, and would then be kept for whatever comes next.
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
