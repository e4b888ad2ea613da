import { isIP } from 'node:net';
import { type ConnectionOptions, checkServerIdentity, getCACertificates } from 'node:tls';
import { Agent, type Dispatcher } from 'undici';
import { certificatesIn } from '../pem.ts';
import { openProxy } from '../proxy-agent.ts';

/** How connections to the API server are made. */
export interface TransportSettings {
  /** The proxy's URL; undefined to connect directly. */
  proxy: string | undefined;
  /** PEM of the CAs to trust, instead of the system's. */
  ca: string | undefined;
  /** The client's certificate and key, as PEM. */
  certificate: { cert: string; key: string } | undefined;
  /** The name to ask for and to find in the certificate, instead of the server's host; or an empty text. */
  serverName: string;
  isInsecure: boolean;
}

/** As client-go's; the default of undici would race with load balancers that drop idle connections after 60 s. */
const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelay: 30_000 };
const CONNECT_TIMEOUT_MS = 30_000;

/** Connections for requests to the API server, over HTTP/2 if it has it. */
export function openTransport(settings: TransportSettings): Dispatcher {
  const tls = { timeout: CONNECT_TIMEOUT_MS, ...KEEP_ALIVE, ...tlsOptions(settings) };
  const { proxy } = settings;
  if (proxy === undefined) return new Agent({ connect: tls });
  // The proxy's own certificate is checked in the same way, as by Go (net/http transport.go, `dialConn`).
  return openProxy(proxy, { target: tls, proxy: tls });
}

type TlsOptions = Pick<
  ConnectionOptions,
  'ca' | 'cert' | 'key' | 'rejectUnauthorized' | 'servername' | 'checkServerIdentity'
>;

function tlsOptions({ ca, certificate, serverName, isInsecure }: TransportSettings): TlsOptions {
  const trusted = ca === undefined ? systemAuthorities() : certificatesIn(ca);
  return {
    ca: trusted,
    ...PARTIAL_CHAIN,
    ...certificate,
    ...(isInsecure && { rejectUnauthorized: false }),
    // An address can't be asked for (RFC 6066), but is looked for in the certificate.
    ...(serverName !== '' && isIP(serverName) === 0 && { servername: serverName }),
    ...(serverName !== '' && {
      checkServerIdentity: (_host, certificateOfServer) =>
        checkServerIdentity(serverName, certificateOfServer),
    }),
  };
}

/** A certificate is trusted as it is, root or not (crypto/x509, `CertPool`). Node's types don't know it for clients. */
const PARTIAL_CHAIN = { allowPartialTrustChain: true };

/** The certificates that Node.js brings, and those of the system, with SSL_CERT_FILE and SSL_CERT_DIR. */
const systemAuthorities = () => [
  ...new Set([...getCACertificates('default'), ...getCACertificates('system')]),
];
