import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expiryOf, isSignedByOneOf } from '../../src/certificate/certificate.ts';
import { readBundles } from '../../src/certificate/certificate-store.ts';
import { SharedCertificate } from '../../src/certificate/shared-certificate.ts';
import { createKubernetesApi, type KubernetesApi } from '../../src/kubernetes/api.ts';
import { type Connection, connect } from '../../src/kubernetes/connection.ts';
import { certificatesIn } from '../../src/pem.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { patient } from '../registry/clients.ts';
import { type ApiServer, startSecureApiServer } from '../support/api-server.ts';
import { runs } from '../support/runs.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const place = {
  namespace: 'tagpin-system',
  secret: 'tagpin-certificate',
  webhookConfiguration: 'tagpin',
  service: 'tagpin',
};
const folder = mkdtempSync(join(tmpdir(), 'tagpin-rotation-'));
const log = createLogger('silent', { write: () => undefined });
let server: ApiServer;
let connection: Connection;
let api: KubernetesApi;

beforeAll(async () => {
  server = await startSecureApiServer();
  await server.writeKubeconfig(join(folder, 'kubeconfig'));
  connection = connect({ kubeconfig: join(folder, 'kubeconfig') });
  api = createKubernetesApi(connection);
});
afterAll(async () => {
  await connection.close();
  await server.close();
  rmSync(folder, { recursive: true });
});

/** The manifests, as they are applied first. */
function emptySecret(): void {
  const metadata = { namespace: place.namespace, name: place.secret };
  server.put({ apiVersion: 'v1', kind: 'Secret', metadata });
}
function emptyConfiguration(): void {
  server.put({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: place.webhookConfiguration },
    webhooks: ['enforce', 'audit'].map((mode) => ({ name: `${mode}.tagpin.dev`, clientConfig: {} })),
  });
}

interface Replica {
  readonly source: SharedCertificate;
  /** What it shows to its callers. */
  served: string | undefined;
}

/** Three replicas, and what befalls them. */
class Replicas {
  #now = Date.UTC(2026, 0, 1);
  readonly #all: Replica[] = [0, 1, 2].map(() => this.#start());
  #permit = () => {};

  #start(): Replica {
    return { source: new SharedCertificate(api, place, () => this.#now, log), served: undefined };
  }

  /** These look at once. A replica that can't do what it would goes on with what it serves. */
  async look(...which: readonly number[]): Promise<void> {
    await Promise.all(
      this.#all
        .filter((_, index) => which.includes(index))
        .map(async (replica) => {
          const pair = await replica.source.current(patient()).catch(() => undefined);
          if (pair !== undefined) replica.served = pair.cert;
        }),
    );
  }

  pass(milliseconds: number): void {
    this.#now += milliseconds;
  }

  restart(which: number): void {
    this.#all[which] = this.#start();
  }

  /** The Secret loses all it holds, while those that serve are in touch with the API server. */
  async lose(): Promise<void> {
    const serving = [0, 1, 2].filter((index) => this.#all[index]?.served !== undefined);
    await this.look(...serving);
    emptySecret();
    await this.look(...serving);
  }

  /** Whether the replicas may write the webhook configuration from now on. */
  permit(may: boolean): void {
    this.#permit();
    const fault = {
      resource: 'mutatingwebhookconfigurations',
      verbs: ['patch'],
      effect: 'forbidden',
    } as const;
    this.#permit = may ? () => {} : server.fail(fault);
  }

  /** The replicas whose callers can't verify what they are shown. */
  async mistrusted(): Promise<number[]> {
    const bundles = (await readBundles(api, place, patient()))?.value ?? [];
    return [0, 1, 2].filter((index) => {
      const cert = this.#all[index]?.served;
      if (cert === undefined || expiryOf(cert).getTime() <= this.#now) return false;
      return !bundles.every((bundle) => isSignedByOneOf(cert, certificatesIn(bundle), this.#now));
    });
  }
}

/** What happens, with the words for it that a counterexample is told in. */
type Happening = readonly [string, (replicas: Replicas) => void | Promise<void>];

const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .subarray([0, 1, 2], { minLength: 1 })
      .map((which): Happening => [`${which} look`, (replicas) => replicas.look(...which)]),
  },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom(10_000, MINUTE_MS, 70_000, DAY_MS, 30 * DAY_MS, 125 * DAY_MS)
      .map((passed): Happening => [`${passed} ms pass`, (replicas) => replicas.pass(passed)]),
  },
  fc.nat(2).map((which): Happening => [`${which} restarts`, (replicas) => replicas.restart(which)]),
  fc.constant<Happening>(['the Secret is lost', (replicas) => replicas.lose()]),
  fc.boolean().map((may): Happening => [`permitted: ${may}`, (replicas) => replicas.permit(may)]),
);

test('whatever happens, a certificate that is served is one that the live configuration trusts', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(happening, { minLength: 10, maxLength: 60 }), async (happenings) => {
      emptySecret();
      emptyConfiguration();
      const replicas = new Replicas();
      try {
        for (const [index, [, happen]] of happenings.entries()) {
          await happen(replicas);
          const told = happenings.slice(0, index + 1).map(([what]) => what);
          expect(await replicas.mistrusted(), told.join(', ')).toEqual([]);
        }
        replicas.permit(true);
        await replicas.look(0, 1, 2);
        expect(await replicas.mistrusted()).toEqual([]);
      } finally {
        replicas.permit(true);
      }
    }),
    runs(0.005),
  );
});
