import { isDeepStrictEqual } from 'node:util';
import { certificatesIn, type KeyPair } from '../config/pem.ts';
import type { KubernetesApi } from '../kubernetes/api.ts';
import { KubernetesError } from '../kubernetes/error.ts';
import type { Logger } from '../telemetry/log.ts';
import { isSignedByOneOf } from './certificate.ts';
import {
  type CertificatePlace,
  isOvertaken,
  publish,
  readBundles,
  readShared,
  serverName,
  writeShared,
} from './certificate-store.ts';
import { rotate, type SharedCertificates } from './rotation.ts';
import type { CertificateSource } from './served-certificate.ts';

const ATTEMPTS = 5;
const untold = 'waiting for the API server to be told of the CA';
/**
 * How long the live configuration must have held the CA of a certificate that is to be served next. API servers hear
 * of it by a watch, in well under a second. And a replica that has read the Secret before the CA was there, and
 * publishes what it has read, has found out long before.
 */
const SETTLE_MS = 60_000;

/**
 * tagpin's own certificate, shared by its replicas through a Secret.
 *
 * Replicas agree, because the Secret is written only as it was read: whoever comes second is refused by its
 * resourceVersion, and takes what the first has written.
 */
export class SharedCertificate implements CertificateSource {
  readonly #api: KubernetesApi;
  readonly #place: CertificatePlace;
  readonly #now: () => number;
  readonly #log: Logger;
  readonly #jitter = Math.random();
  #known: SharedCertificates | undefined;
  #given: KeyPair | undefined;
  /** The certificate to come, and since when every entry has been seen to trust it. */
  #settling: { cert: string; since: number } | undefined;
  #obstacle: string | undefined = 'waiting for the certificate';
  #isCalled = true;

  constructor(api: KubernetesApi, place: CertificatePlace, now: () => number, log: Logger) {
    this.#api = api;
    this.#place = place;
    this.#now = now;
    this.#log = log;
  }

  get obstacle(): string | undefined {
    return this.#obstacle;
  }

  /**
   * The certificate to serve: the live webhook configuration trusts it.
   *
   * @throws KubernetesError
   */
  async current(signal: AbortSignal): Promise<KeyPair> {
    let cause: unknown;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      try {
        const shared = await this.#agree(signal);
        await this.#tell(shared, signal);
        this.#given = shared.serving;
        return shared.serving;
      } catch (error) {
        if (!isOvertaken(error)) throw error;
        cause = error;
      }
    }
    const { namespace, secret, webhookConfiguration } = this.#place;
    throw new KubernetesError(
      `Secret ${namespace}/${secret} or MutatingWebhookConfiguration ${webhookConfiguration} is being changed again ` +
        'and again; who else writes it?',
      { status: 409, reason: 'Conflict', cause },
    );
  }

  /** What all replicas share from now on. */
  async #agree(signal: AbortSignal): Promise<SharedCertificates> {
    const { service, namespace } = this.#place;
    const name = serverName(this.#place);
    const stored = await readShared(this.#api, this.#place, signal);
    const now = this.#now();
    const value = await rotate(stored.value, {
      now,
      names: [name, `${name}.cluster.local`, `${service}.${namespace}`],
      known: this.#known,
      jitter: this.#jitter,
      isSettled: (cert) => this.#settling?.cert === cert && now - this.#settling.since >= SETTLE_MS,
    });
    if (!isDeepStrictEqual(value, stored.value)) {
      await writeShared(this.#api, this.#place, { value, resourceVersion: stored.resourceVersion }, signal);
      if (value.next !== undefined) this.#log.info('the next certificate is made; its CA is being published');
    }
    this.#known = value;
    return value;
  }

  /** Sees to it that the API server trusts what is served, and what is to be served next. */
  async #tell({ cas, serving, next }: SharedCertificates, signal: AbortSignal): Promise<void> {
    if (this.#obstacle !== undefined) this.#obstacle = untold;
    const live = await readBundles(this.#api, this.#place, signal);
    this.#noticeWhetherCalled(live !== undefined);
    this.#settle(next !== undefined && this.#isTrusted(next.cert, live?.value) ? next.cert : undefined);
    try {
      const published = live && (await publish(this.#api, this.#place, live, cas, signal));
      if (!this.#isTrusted(serving.cert, published)) throw this.#notKept();
    } catch (error) {
      // What was given out before is served on.
      if (!this.#isTrusted((this.#given ?? serving).cert, live?.value)) this.#obstacle = untold;
      throw error;
    }
    this.#obstacle = undefined;
  }

  /** Whether each entry trusts it; without entries, nobody calls who could mistrust it. */
  #isTrusted(cert: string, bundles: readonly string[] = []): boolean {
    return bundles.every((bundle) => isSignedByOneOf(cert, certificatesIn(bundle), this.#now()));
  }

  #settle(cert: string | undefined): void {
    if (cert === this.#settling?.cert) return;
    this.#settling = cert === undefined ? undefined : { cert, since: this.#now() };
  }

  #noticeWhetherCalled(isCalled: boolean): void {
    if (this.#isCalled && !isCalled) {
      this.#log.warn(
        `MutatingWebhookConfiguration ${this.#place.webhookConfiguration} doesn't exist: nothing calls this webhook`,
      );
    }
    this.#isCalled = isCalled;
  }

  #notKept(): KubernetesError {
    const name = this.#place.webhookConfiguration;
    return new KubernetesError(
      `MutatingWebhookConfiguration ${name} doesn't keep the caBundle it is given; who else writes it?`,
      { status: 409, reason: 'Conflict' },
    );
  }
}
