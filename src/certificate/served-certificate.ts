import { type Clock, wait } from '../clock.ts';
import type { KeyPair } from '../config/pem.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { expiryOf } from './certificate.ts';

/** Where the webhook's certificate comes from. */
export interface CertificateSource {
  /** The certificate to serve now. Rejects if there is none; the one served before then stays in use. */
  current(signal: AbortSignal): Promise<KeyPair>;
  /** Why calls would fail although a certificate is served, if known. */
  readonly obstacle?: string | undefined;
}

/** A check takes two requests to the API server. Until the next one, an emptied caBundle has pods refused. */
const CHECK_MS = 10_000;
const RETRY_MS = 2_000;
const CHECK_TIMEOUT_MS = 10_000;

export interface ServedCertificateParts {
  readonly source: CertificateSource;
  /** Has the server use the certificate for new connections. */
  install(pair: KeyPair): void;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Pick<Metrics, 'certificateExpiry'>;
}

/** The certificate that this process serves, replaced without a restart when its source has another. */
export class ServedCertificate {
  readonly #parts: ServedCertificateParts;
  #served: (KeyPair & { expiry: Date }) | undefined;
  #logged: string | undefined;

  constructor(parts: ServedCertificateParts) {
    this.#parts = parts;
  }

  /** Why calls would fail now; undefined while the API server can verify the served certificate. */
  get obstacle(): string | undefined {
    const { source, clock } = this.#parts;
    return source.obstacle ?? this.#fault(clock.now());
  }

  #fault(now: number): string | undefined {
    if (this.#served === undefined) return 'waiting for the certificate';
    const { expiry } = this.#served;
    return expiry.getTime() <= now ? `the certificate expired at ${expiry.toISOString()}` : undefined;
  }

  /** Runs until `stop` aborts, and then rejects. */
  async keep(stop: AbortSignal): Promise<never> {
    for (;;) {
      const isCurrent = await this.#check(stop);
      await wait(this.#parts.clock, isCurrent ? CHECK_MS : RETRY_MS, stop);
    }
  }

  /** Whether the certificate of the source is served now. */
  async #check(stop: AbortSignal): Promise<boolean> {
    const { source, log } = this.#parts;
    try {
      const signal = AbortSignal.any([stop, AbortSignal.timeout(CHECK_TIMEOUT_MS)]);
      this.#serve(await source.current(signal));
      if (this.#logged !== undefined) log.info('the certificate is checked again');
      this.#logged = undefined;
      return true;
    } catch (error) {
      const problem = String(error);
      if (!stop.aborted && problem !== this.#logged) {
        log.warn({ err: error }, "the certificate can't be checked; trying again");
        this.#logged = problem;
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
