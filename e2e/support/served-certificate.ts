import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:tls';

/**
 * The certificate that a replica of tagpin shows to a client which trusts only `ca`.
 *
 * @param address of the pod
 * @throws if the handshake fails, for example because the certificate can't be verified
 */
export async function servedCertificate(address: string, ca: string): Promise<X509Certificate> {
  const socket = connect({ host: address, port: 8443, ca, servername: 'tagpin.tagpin-system.svc' });
  try {
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(10_000) });
    return new X509Certificate(socket.getPeerCertificate().raw);
  } finally {
    socket.destroy();
  }
}
