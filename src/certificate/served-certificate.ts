import { setTimeout as delay } from 'node:timers/promises';
import type { KeyPair } from '../config/pem.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { expiryOf } from './certificate.ts';

/** Time as certificates go by it. Tests have one of their own. */
export interface WallClock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Rejects when `signal` aborts. */
  wait(milliseconds: number, signal: AbortSignal): Promise<void>;
}

export const wallClock: WallClock = {
  now: () => Date.now(),
  wait: (milliseconds, signal) => delay(milliseconds, undefined, { signal }),
};

/** Where the webhook's certificate comes from. */
export interface CertificateSource {
  /** The certificate to serve now. Rejects when it can't be had: what was served before is then served on. */
  current(signal: AbortSignal): Promise<KeyPair>;
  /** Why calls would fail although a certificate is served, as far as is known. */
  readonly obstacle?: string | undefined;
}

/** A look takes two requests to the API server. So long a wiped caBundle goes unnoticed, and pods are refused. */
const CHECK_MS = 10_000;
const RETRY_MS = 2_000;
const CHECK_TIMEOUT_MS = 10_000;

export interface ServedCertificateParts {
  readonly source: CertificateSource;
  /** Has the server use it for connections from now on. */
  install(pair: KeyPair): void;
  readonly clock: WallClock;
  readonly log: Logger;
  readonly metrics: Pick<Metrics, 'certificateExpiry'>;
}

/** The certificate that this process serves: kept what its source says, without a restart. */
export class ServedCertificate {
  readonly #parts: ServedCertificateParts;
  #served: (KeyPair & { expiry: Date }) | undefined;
  /** Told already. */
  #problem: string | undefined;

  constructor(parts: ServedCertificateParts) {
    this.#parts = parts;
  }

  /** Why calls would fail now; undefined while a certificate is served that the API server can verify. */
  get obstacle(): string | undefined {
    const { source, clock } = this.#parts;
    return source.obstacle ?? this.#fault(clock.now());
  }

  #fault(now: number): string | undefined {
    if (this.#served === undefined) return 'waiting for the certificate';
    const { expiry } = this.#served;
    return expiry.getTime() <= now ? `the certificate expired at ${expiry.toISOString()}` : undefined;
  }

  /** Goes on until `stop`, and rejects then. */
  async keep(stop: AbortSignal): Promise<never> {
    for (;;) {
      const isWell = await this.#check(stop);
      await this.#parts.clock.wait(isWell ? CHECK_MS : RETRY_MS, stop);
    }
  }

  /** True when what is served is what the source says. */
  async #check(stop: AbortSignal): Promise<boolean> {
    const { source, log } = this.#parts;
    try {
      const signal = AbortSignal.any([stop, AbortSignal.timeout(CHECK_TIMEOUT_MS)]);
      this.#serve(await source.current(signal));
      if (this.#problem !== undefined) log.info('the certificate is checked again');
      this.#problem = undefined;
      return true;
    } catch (error) {
      const problem = String(error);
      if (!stop.aborted && problem !== this.#problem) {
        log.warn({ err: error }, "the certificate can't be checked; trying again");
        this.#problem = problem;
      }
      return false;
    }
  }

  #serve({ cert, key }: KeyPair): void {
    if (cert === this.#served?.cert && key === this.#served.key) return;
    const { install, log, metrics } = this.#parts;
    install({ cert, key });
    const expiry = expiryOf(cert);
    metrics.certificateExpiry.set(expiry.getTime() / 1000);
    log.info({ expires: expiry.toISOString() }, this.#served ? 'certificate replaced' : 'serving');
    this.#served = { cert, key, expiry };
  }
}
