import { isDeepStrictEqual } from 'node:util';
import type { KeyPair } from '../config/pem.ts';
import type { KubernetesApi } from '../kubernetes/api.ts';
import { KubernetesError } from '../kubernetes/error.ts';
import { certificatesIn } from '../pem.ts';
import type { Logger } from '../telemetry/log.ts';
import { isSignedByOneOf } from './certificate.ts';
import {
  type CertificateObjects,
  isConflict,
  publish,
  readBundles,
  readShared,
  serverName,
  writeShared,
} from './certificate-store.ts';
import { rotate, type SharedCertificates } from './rotation.ts';
import type { CertificateSource } from './served-certificate.ts';

const ATTEMPTS = 5;
const WHO_ELSE = 'unless you did this, find what else writes it';
const unpublished = 'waiting for the API server to be told of the CA';
/**
 * How long the live configuration must have held the next certificate's CA before that certificate is served. API
 * servers learn of it through a watch, in well under a second. A replica that read the Secret before the CA was in it,
 * and would publish that, has noticed long before.
 */
const SETTLED_AFTER_MS = 60_000;

/**
 * tagpin's own certificate, shared by its replicas through a Secret.
 *
 * The replicas agree because the Secret is written only if its resourceVersion is unchanged: the second writer is
 * refused, and takes what the first has written.
 */
export class SharedCertificate implements CertificateSource {
  readonly #api: KubernetesApi;
  readonly #objects: CertificateObjects;
  readonly #now: () => number;
  readonly #log: Logger;
  readonly #jitter = Math.random();
  #known: SharedCertificates | undefined;
  #served: KeyPair | undefined;
  /** The next certificate, and since when every entry has trusted it. */
  #settling: { cert: string; since: number } | undefined;
  #obstacle: string | undefined = 'waiting for the certificate';
  /** The CAs that every entry held when this replica looked last. */
  #published: readonly string[] = [];
  #isCalled = true;

  constructor(api: KubernetesApi, objects: CertificateObjects, now: () => number, log: Logger) {
    this.#api = api;
    this.#objects = objects;
    this.#now = now;
    this.#log = log;
  }

  get obstacle(): string | undefined {
    return this.#obstacle;
  }

  /**
   * The certificate to serve; the live webhook configuration trusts it.
   *
   * @throws KubernetesError
   */
  async current(signal: AbortSignal): Promise<KeyPair> {
    let cause: unknown;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      try {
        const shared = await this.#agree(signal);
        await this.#publish(shared, signal);
        this.#served = shared.serving;
        return shared.serving;
      } catch (error) {
        if (!isConflict(error)) throw error;
        cause = error;
      }
    }
    const { namespace, secret, webhookConfiguration } = this.#objects;
    throw new KubernetesError(
      `Secret ${namespace}/${secret} or MutatingWebhookConfiguration ${webhookConfiguration} is being changed again ` +
        'and again; who else writes it?',
      { status: 409, reason: 'Conflict', cause },
    );
  }

  /** What all replicas share from now on. */
  async #agree(signal: AbortSignal): Promise<SharedCertificates> {
    const { service, namespace } = this.#objects;
    const name = serverName(this.#objects);
    const stored = await readShared(this.#api, this.#objects, signal);
    const now = this.#now();
    const value = await rotate(stored.value, {
      now,
      names: [name, `${name}.cluster.local`, `${service}.${namespace}`],
      known: this.#known,
      jitter: this.#jitter,
      isSettled: (cert) => this.#settling?.cert === cert && now - this.#settling.since >= SETTLED_AFTER_MS,
    });
    if (!isDeepStrictEqual(value, stored.value)) {
      await writeShared(this.#api, this.#objects, { value, resourceVersion: stored.resourceVersion }, signal);
      if (this.#known !== undefined && hasLost(stored.value, this.#known, value)) this.#logRestoredSecret();
      if (value.next !== undefined) this.#log.info('the next certificate is made; its CA is being published');
    }
    this.#known = value;
    return value;
  }

  /** Has the API server trust the served certificate, and the next one. */
  async #publish({ cas, serving, next }: SharedCertificates, signal: AbortSignal): Promise<void> {
    if (this.#obstacle !== undefined) this.#obstacle = unpublished;
    const live = await readBundles(this.#api, this.#objects, signal);
    this.#noticeWhetherCalled(live !== undefined);
    this.#settle(next !== undefined && this.#isTrusted(next.cert, live?.value) ? next.cert : undefined);
    try {
      const published = live && (await publish(this.#api, this.#objects, live, cas, signal));
      if (!this.#isTrusted(serving.cert, published)) throw this.#notKept();
      this.#logRestoredBundles(live?.value ?? [], cas);
      this.#published = cas;
    } catch (error) {
      // The certificate returned before stays in use.
      if (!this.#isTrusted((this.#served ?? serving).cert, live?.value)) this.#obstacle = unpublished;
      throw error;
    }
    this.#obstacle = undefined;
  }

  /** Whether each entry trusts it. Without entries there is no caller that could reject it. */
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
        `MutatingWebhookConfiguration ${this.#objects.webhookConfiguration} doesn't exist: nothing calls this webhook`,
      );
    }
    this.#isCalled = isCalled;
  }

  #logRestoredSecret(): void {
    const { namespace, secret } = this.#objects;
    this.#log.warn(
      { field: 'data' },
      `Secret ${namespace}/${secret} had lost tagpin's certificate or its CA, and has it again; ${WHO_ELSE}`,
    );
  }

  /** @param before the bundles as they were found */
  #logRestoredBundles(before: readonly string[], cas: readonly string[]): void {
    const expected = this.#published.filter((ca) => cas.includes(ca));
    const fields = before.flatMap((bundle, index) => {
      const held = certificatesIn(bundle);
      return expected.every((ca) => held.includes(ca)) ? [] : [`webhooks[${index}].clientConfig.caBundle`];
    });
    if (fields.length === 0) return;
    const name = this.#objects.webhookConfiguration;
    this.#log.warn(
      { fields },
      `MutatingWebhookConfiguration ${name} had lost tagpin's CA, and has it again; ${WHO_ELSE}`,
    );
  }

  #notKept(): KubernetesError {
    const name = this.#objects.webhookConfiguration;
    return new KubernetesError(
      `MutatingWebhookConfiguration ${name} doesn't keep the caBundle it is given; who else writes it?`,
      { status: 409, reason: 'Conflict' },
    );
  }
}

/** Whether something that a replica knew was missing from the Secret, and has been put back. */
function hasLost(
  stored: SharedCertificates | undefined,
  known: SharedCertificates,
  written: SharedCertificates,
): boolean {
  const pairs = [stored?.serving, stored?.next];
  const isServingBack =
    written.serving.cert === known.serving.cert && !pairs.some((pair) => pair?.cert === known.serving.cert);
  const isCaBack = known.cas.some((ca) => written.cas.includes(ca) && !stored?.cas.includes(ca));
  return isServingBack || isCaBack;
}
