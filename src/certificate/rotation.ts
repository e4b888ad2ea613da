import type { KeyPair } from '../config/pem.ts';
import { createCertificate, expiryOf, faultOf, isSignedByOneOf, renewalTime } from './certificate.ts';

/** What the replicas of the webhook share. */
export interface SharedCertificates {
  /** The CAs of all certificates that a replica may serve, PEM: what every caBundle is to hold. */
  readonly cas: readonly string[];
  /** What every replica is to serve. */
  readonly serving: KeyPair;
  /** What is to follow it as soon as the API server has known its CA for a while. */
  readonly next?: KeyPair;
}

/** What a replica knows besides what is shared. */
export interface View {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** What the webhook is called by; the API server uses the first. */
  readonly names: readonly [string, ...string[]];
  /** What was shared when this replica looked last: its own certificate is among it. */
  readonly known: SharedCertificates | undefined;
  /** From 0 to 1: how much earlier than others this replica renews. */
  readonly jitter: number;
  /** Whether the API server has known the CA of this certificate for long enough. */
  isSettled(cert: string): boolean;
}

/**
 * What is to be shared from now on: the same again, unless the rotation has come to its next step.
 *
 * A certificate and a CA of its own are made together, and live as long. Each is renewed long before it expires:
 *
 * 1. With a third of its life left, the next certificate is put beside the one that is served, and its CA beside the
 *    other. Every caBundle gets both.
 * 2. Once the API server has known both for a while, the next certificate takes the other's place, and the replicas
 *    serve it.
 * 3. The old CA stays until it expires. A replica that is cut off from the API server may serve its certificate for
 *    as long, and no call to it fails. As a CA's key isn't kept, an old one is no danger.
 *
 * So at every moment whatever a replica serves, or finds when it starts, is of a CA that has been published before.
 *
 * What is shared may be lost: somebody applies the manifests by `kubectl replace`. Then the replicas that run put back
 * what they know. Only where nothing is left that can serve is something new served at once.
 */
export async function rotate(
  stored: SharedCertificates | undefined,
  { now, names, known, jitter, isSettled }: View,
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
