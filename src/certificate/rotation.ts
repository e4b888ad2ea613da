import type { KeyPair } from '../config/pem.ts';
import { createCertificate, expiryOf, faultOf, isSignedByOneOf, renewalTime } from './certificate.ts';

/** The certificates that the webhook's replicas share. */
export interface SharedCertificates {
  /** The CAs of all certificates that a replica may serve, as PEM: the content of every caBundle. */
  readonly cas: readonly string[];
  /** The certificate that every replica serves. */
  readonly serving: KeyPair;
  /** Its successor, once the API server has known the successor's CA for a while. */
  readonly next?: KeyPair;
}

/** What a replica knows besides the shared certificates. */
export interface ReplicaState {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** The webhook's server names; the API server uses the first. */
  readonly names: readonly [string, ...string[]];
  /** What was shared at this replica's last check; its own certificate is part of it. */
  readonly known: SharedCertificates | undefined;
  /** From 0 to 1: how much earlier than the others this replica renews. */
  readonly jitter: number;
  /** Whether the API server has known the CA of this certificate for long enough. */
  isSettled(cert: string): boolean;
}

/**
 * The certificates to share from now on: unchanged, unless the rotation reaches its next step.
 *
 * A certificate is created together with a CA of its own, which has the same lifetime. It is renewed long before it
 * expires:
 *
 * 1. With a third of its life left, the next certificate is added beside the served one, and its CA beside the other.
 *    Every caBundle gets both CAs.
 * 2. Once the API server has known both for a while, the next certificate replaces the served one.
 * 3. The old CA stays until it expires. A replica that can't reach the API server may serve the old certificate until
 *    then, and calls to it succeed. An old CA is harmless, because its key was discarded.
 *
 * So the CA of any certificate that a replica serves, or finds when it starts, has already been published.
 *
 * The shared certificates may be lost: `kubectl replace` of the manifests empties the Secret. Then running replicas
 * write back what they know. A new certificate is served at once only if none is left that can serve.
 */
export async function rotate(
  stored: SharedCertificates | undefined,
  { now, names, known, jitter, isSettled }: ReplicaState,
): Promise<SharedCertificates> {
  const cas = [...new Set([...(stored?.cas ?? []), ...(known?.cas ?? [])])].filter(
    (ca) => expiryOf(ca).getTime() > now,
  );
  const canServe = (pair: KeyPair | undefined) =>
    pair !== undefined && faultOf(pair, names[0], now) === undefined && isSignedByOneOf(pair.cert, cas, now);
  const create = async () => {
    const { ca, cert, key } = await createCertificate(names, now);
    return { cas: [...cas, ca], pair: { cert, key } };
  };

  const serving = [stored?.serving, stored?.next, known?.serving, known?.next].find(canServe);
  if (serving === undefined) {
    const made = await create();
    return { cas: made.cas, serving: made.pair };
  }
  const next = [stored?.next, known?.next].find((pair) => canServe(pair) && pair?.cert !== serving.cert);
  if (next !== undefined) return isSettled(next.cert) ? { cas, serving: next } : { cas, serving, next };
  if (now < renewalTime(serving.cert, jitter)) return { cas, serving };
  const made = await create();
  return { cas: made.cas, serving, next: made.pair };
}
