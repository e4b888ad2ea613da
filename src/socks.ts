import { once } from 'node:events';
import { connect, isIP, type Socket } from 'node:net';

const VERSION = 5;
const NO_LOGIN = 0;
const LOGIN = 2;
const CONNECT = 1;
const ADDRESS_TYPES = { ipv4: 1, name: 3, ipv6: 4 };

/**
 * A connection to `host` through a SOCKS5 proxy (RFC 1928, RFC 1929), which looks up the name, as with Go's clients
 * (golang.org/x/net/internal/socks).
 *
 * @throws Error if the proxy can't be reached or refuses, or after `timeout` milliseconds
 */
export async function connectBySocks(
  proxy: URL,
  host: string,
  port: number,
  timeout: number,
): Promise<Socket> {
  const signal = AbortSignal.timeout(timeout);
  const socket = connect({ host: proxy.hostname.replace(/^\[|\]$/g, ''), port: Number(proxy.port) || 1080 });
  try {
    await once(socket, 'connect', { signal });
    const username = Buffer.from(decodeURIComponent(proxy.username));
    const password = Buffer.from(decodeURIComponent(proxy.password));
    socket.write(Buffer.from(username.length > 0 ? [VERSION, 2, NO_LOGIN, LOGIN] : [VERSION, 1, NO_LOGIN]));
    const [, method] = await read(socket, 2, signal);
    if (method === LOGIN) {
      socket.write(Buffer.concat([Buffer.of(1), withLength(username), withLength(password)]));
      const [, status] = await read(socket, 2, signal);
      if (status !== 0) throw new Error('the SOCKS proxy refuses its login');
    } else if (method !== NO_LOGIN) {
      throw new Error('the SOCKS proxy asks for another login');
    }
    socket.write(
      Buffer.concat([Buffer.of(VERSION, CONNECT, 0), addressOf(host), Buffer.of(port >> 8, port & 0xff)]),
    );
    const [, reply, , type] = await read(socket, 4, signal);
    if (reply !== 0) throw new Error(`the SOCKS proxy can't connect to ${host} (${reply})`);
    // The address that the proxy connects from doesn't matter, but comes before what the host sends.
    const [length = 0] = type === ADDRESS_TYPES.name ? await read(socket, 1, signal) : [];
    await read(
      socket,
      (type === ADDRESS_TYPES.ipv4 ? 4 : type === ADDRESS_TYPES.ipv6 ? 16 : length) + 2,
      signal,
    );
    return socket;
  } catch (error) {
    socket.destroy();
    throw signal.aborted ? new Error("the SOCKS proxy doesn't answer in time", { cause: error }) : error;
  }
}

/** Exactly so many bytes; what comes after them stays in the socket. */
async function read(socket: Socket, length: number, signal: AbortSignal): Promise<Buffer> {
  for (;;) {
    const bytes: unknown = socket.read(length);
    if (bytes instanceof Buffer && bytes.length === length) return bytes;
    if (socket.readableEnded || bytes !== null) throw new Error('the SOCKS proxy closes the connection');
    await Promise.race([once(socket, 'readable', { signal }), once(socket, 'end', { signal })]);
  }
}

function addressOf(host: string): Buffer {
  const bare = host.replace(/^\[|\]$/g, '');
  if (isIP(bare) === 4) return Buffer.of(ADDRESS_TYPES.ipv4, ...bare.split('.').map(Number));
  if (isIP(bare) === 6) return Buffer.concat([Buffer.of(ADDRESS_TYPES.ipv6), ipv6Bytes(bare)]);
  return Buffer.concat([Buffer.of(ADDRESS_TYPES.name), withLength(Buffer.from(bare))]);
}

const withLength = (bytes: Buffer) => Buffer.concat([Buffer.of(bytes.length), bytes]);

/** @param address in the canonical form of URLs */
function ipv6Bytes(address: string): Buffer {
  const [head = '', tail] = address.split('::');
  const groups = (part: string) =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const [before, after] = [groups(head), groups(tail ?? '')];
  const zeros = Array.from({ length: tail === undefined ? 0 : 8 - before.length - after.length }, () => 0);
  return Buffer.from([...before, ...zeros, ...after].flatMap((group) => [group >> 8, group & 0xff]));
}
