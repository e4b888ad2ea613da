import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { Cluster } from './cluster.ts';

/** The way to the registry for everyone under its other name. */
export interface Detour extends AsyncDisposable {
  /** Cuts all connections and takes no more: the registry is down for whoever comes this way. */
  close(): Promise<void>;
}

/** Opens that way: bytes go through as they are. */
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
