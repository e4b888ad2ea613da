import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { z } from 'zod';
import { createAuthority } from '../../../test/support/authority.ts';
import { forward, tunnel } from '../../../test/support/proxy.ts';

/** What a server sees of a client's first request: everything by which two clients could differ. */
export interface Sighting {
  readonly server: string;
  /** The name in the TLS handshake, and the subject of the client's certificate. */
  readonly name: string | undefined;
  readonly certificate: string | undefined;
  /** What comes before `/api`, and the namespace. */
  readonly prefix: string;
  readonly namespace: string;
  readonly host: string | undefined;
  readonly authorization: string | undefined;
  readonly impersonation: readonly string[];
  /** What proxies were asked for on the way. */
  readonly proxies: readonly string[];
}

/** Servers that refuse all requests, and proxies that resolve every name to this machine. */
export interface Recorder extends AsyncDisposable {
  /** A text with the servers' addresses and certificates filled in: `{{staging}}`, `{{ca}}` in base64. */
  fill(text: string): string;
  readonly values: Readonly<Record<string, string>>;
  /** What was seen since the last call; undefined if nothing was asked. */
  take(): Sighting | undefined;
}

const NAMES = ['127.0.0.1', '0.0.0.0', 'localhost', 'api.example.test', 'other.example.test'];
const REFUSAL = JSON.stringify({
  kind: 'Status',
  apiVersion: 'v1',
  status: 'Failure',
  message: 'not here',
  reason: 'Forbidden',
  code: 403,
});

export async function startRecorder(): Promise<Recorder> {
  const [authority, stranger] = await Promise.all([createAuthority('api'), createAuthority('stranger')]);
  const [tls, client, other] = await Promise.all([
    authority.issue(NAMES),
    authority.issue(['client']),
    authority.issue(['other-client']),
  ]);
  let seen: Sighting | undefined;
  let proxies: string[] = [];
  const handler = (server: string) => (request: IncomingMessage, response: ServerResponse) => {
    seen ??= sightingOf(server, request, proxies);
    response.writeHead(403, { 'content-type': 'application/json' }).end(REFUSAL);
  };
  const secure = (server: string) =>
    https.createServer(
      { ...tls, requestCert: true, rejectUnauthorized: false, ca: authority.caPem },
      handler(server),
    );
  const asked = (line: string) => void proxies.push(line);
  const servers = {
    staging: secure('staging'),
    production: secure('production'),
    plain: http.createServer(handler('plain')),
    proxy: proxied(http.createServer(), 'proxy', asked),
    secureProxy: proxied(https.createServer(tls), 'secure proxy', asked),
    socks: socks(asked),
  };
  const ports = Object.fromEntries(
    await Promise.all(
      Object.entries(servers).map(
        async ([name, server]) => [`${name}.port`, String(await listen(server))] as const,
      ),
    ),
  );
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const values: Record<string, string> = {
    ...ports,
    staging: `https://127.0.0.1:${ports['staging.port']}`,
    production: `https://127.0.0.1:${ports['production.port']}`,
    plain: `http://127.0.0.1:${ports['plain.port']}`,
    proxy: `http://127.0.0.1:${ports['proxy.port']}`,
    secureProxy: `https://127.0.0.1:${ports['secureProxy.port']}`,
    socks: `socks5://127.0.0.1:${ports['socks.port']}`,
    'ca.pem': authority.caPem,
    'stranger.pem': stranger.caPem,
    'server.pem': tls.cert,
    'cert.pem': client.cert,
    'key.pem': client.key,
    'other-cert.pem': other.cert,
    'other-key.pem': other.key,
    ca: base64(authority.caPem),
    stranger: base64(stranger.caPem),
    leaf: base64(tls.cert),
    certJson: JSON.stringify(client.cert).slice(1, -1),
    keyJson: JSON.stringify(client.key).slice(1, -1),
    cert: base64(client.cert),
    key: base64(client.key),
    otherCert: base64(other.cert),
    otherKey: base64(other.key),
  };
  return {
    values,
    fill: (text) =>
      text.replace(/\{\{([\w.-]+)\}\}/g, (_, name: string) => {
        const value = values[name];
        if (value === undefined) throw new Error(`there is no value ${name}`);
        return value;
      }),
    take() {
      const taken = seen;
      seen = undefined;
      proxies = [];
      return taken;
    },
    async [Symbol.asyncDispose]() {
      for (const server of Object.values(servers)) {
        server.close();
        if (server instanceof http.Server || server instanceof https.Server) server.closeAllConnections();
      }
    },
  };
}

const PATH = /^(.*)\/api\/v1\/namespaces\/([^/]*)\/serviceaccounts\//;

function sightingOf(server: string, request: IncomingMessage, proxies: readonly string[]): Sighting {
  const { socket, headers, url = '' } = request;
  const [, prefix = url, namespace = ''] = PATH.exec(url) ?? [];
  const secure = socket instanceof TLSSocket ? socket : undefined;
  const subject = secure?.getPeerCertificate().subject?.CN;
  const pairs = Object.entries(request.headersDistinct).filter(([name]) => name.startsWith('impersonate-'));
  return {
    server,
    name: z.string().optional().catch(undefined).parse(secure?.servername),
    certificate: [subject].flat().join(),
    prefix,
    namespace,
    host: headers.host,
    authorization: headers.authorization,
    impersonation: pairs.flatMap(([name, values = []]) => values.map((value) => `${name}: ${value}`)).sort(),
    proxies: [...proxies],
  };
}

/** Makes a server a proxy that tunnels and forwards. */
function proxied<S extends http.Server>(server: S, name: string, asked: (line: string) => void): S {
  const login = ({ headers }: IncomingMessage) => headers['proxy-authorization'] ?? '';
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    asked(`${name}: ${new URL(request.url ?? '').host} ${login(request)}`);
    forward(request, response);
  });
  server.on('connect', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    asked(`${name}: CONNECT ${request.url} ${login(request)}`);
    tunnel(request, socket, head);
  });
  return server;
}

/** A SOCKS5 proxy (RFC 1928), which takes any login. */
function socks(asked: (line: string) => void): Server {
  return createServer(async (socket) => {
    socket.on('error', () => undefined);
    const read = async (length: number): Promise<Buffer> => {
      for (;;) {
        const bytes: unknown = socket.read(length);
        if (bytes instanceof Buffer) return bytes;
        await new Promise((resolve) => socket.once('readable', resolve));
      }
    };
    const [, methods = 0] = await read(2);
    const offered = [...(await read(methods))];
    let login = '';
    socket.write(Buffer.of(5, offered.includes(2) ? 2 : 0));
    if (offered.includes(2)) {
      const [, length = 0] = await read(2);
      const user = await read(length);
      const [passwordLength = 0] = await read(1);
      login = `${user}:${passwordLength === 0 ? '' : await read(passwordLength)}`;
      socket.write(Buffer.of(1, 0));
    }
    const [, , , type] = await read(4);
    const host = type === 1 ? (await read(4)).join('.') : String(await read((await read(1))[0] ?? 0));
    const port = (await read(2)).readUInt16BE();
    asked(`socks: ${host}:${port} ${login}`);
    const onward = connect(port, '127.0.0.1', () => {
      socket.write(Buffer.of(5, 0, 0, 1, 127, 0, 0, 1, 0, 0));
      socket.pipe(onward).pipe(socket);
    });
    onward.on('error', () => socket.destroy());
  });
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  return z.object({ port: z.number() }).parse(server.address()).port;
}
