import { Agent, buildConnector, type Dispatcher } from 'undici';

/** For code that must not open any. */
export const noConnections = (url: URL): Dispatcher => {
  throw new Error(`nothing was to connect to ${url.host}`);
};

/** Connections that all go to one port of this machine, whatever their host, and expect the host's certificate. */
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
