import { Agent, buildConnector, type Dispatcher } from 'undici';

/** For what isn't to open any. */
export const noConnections = (url: URL): Dispatcher => {
  throw new Error(`nothing was to connect to ${url.host}`);
};

/** Connections that end at a port of this machine, whatever host they are meant for, and expect its certificate. */
export function connectionsTo(port: number, ca: string): Dispatcher {
  const connect = buildConnector({ ca });
  return new Agent({
    connect: (options, callback) =>
      connect(
        { ...options, hostname: '127.0.0.1', port: String(port), servername: options.hostname },
        callback,
      ),
  });
}
