import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { Cluster } from './cluster.ts';

/** A proxy to the public registry under its other name. */
export interface Detour extends AsyncDisposable {
  /** Cuts all connections and accepts no more: under this name, the registry is down. */
  close(): Promise<void>;
}

/** Starts the proxy, which forwards bytes unchanged. */
export async function openDetour({ openRegistry, detourRegistry }: Cluster): Promise<Detour> {
  const [host = '', port = ''] = openRegistry.split(':');
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => socket.destroy());
  };
  const server = createServer((client) => {
    const upstream = connect(Number(port), host);
    for (const socket of [client, upstream]) keep(socket);
    client.pipe(upstream).pipe(client);
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
  });
  server.listen(Number(detourRegistry.split(':')[1]));
  await once(server, 'listening');
  const close = async () => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return { close, [Symbol.asyncDispose]: close };
}
