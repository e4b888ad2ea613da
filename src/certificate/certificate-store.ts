import type { KeyPair } from '../config/pem.ts';
import type { KubernetesApi, MutatingWebhookConfiguration, PatchOperation } from '../kubernetes/api.ts';
import { KubernetesError } from '../kubernetes/error.ts';
import { certificatesIn } from '../pem.ts';
import type { SharedCertificates } from './rotation.ts';

/** The objects that hold the webhook's certificate, and the CAs that the API server trusts. */
export interface CertificateObjects {
  namespace: string;
  /** The Secret that the replicas share. The manifests create it empty, so that tagpin needs no right to create Secrets. */
  secret: string;
  /** The MutatingWebhookConfiguration whose entries get the caBundle. */
  webhookConfiguration: string;
  /** The webhook's Service. */
  service: string;
}

/** The server name that the API server verifies. */
export const serverName = ({ service, namespace }: Pick<CertificateObjects, 'service' | 'namespace'>) =>
  `${service}.${namespace}.svc`;

/** A value as it was read, to be written only if the object is unchanged since. */
export interface Versioned<T> {
  readonly value: T;
  readonly resourceVersion: string | undefined;
}

const KEYS = { ca: 'ca.crt', cert: 'tls.crt', key: 'tls.key', nextCert: 'next.crt', nextKey: 'next.key' };

/**
 * The certificates in the Secret; undefined if it holds none that could be served.
 *
 * @throws KubernetesError
 */
export async function readShared(
  api: KubernetesApi,
  { namespace, secret: name }: CertificateObjects,
  signal: AbortSignal,
): Promise<Versioned<SharedCertificates | undefined>> {
  const secret = await api.readSecret(namespace, name, signal);
  if (secret === undefined) {
    throw new KubernetesError(`Secret ${namespace}/${name} doesn't exist; apply tagpin's manifests again`, {
      status: 404,
      reason: 'NotFound',
    });
  }
  const text = (key: string) => decode(secret.data?.[key]);
  const cas = certificatesIn(text(KEYS.ca));
  const serving = pairOf(text(KEYS.cert), text(KEYS.key));
  const next = pairOf(text(KEYS.nextCert), text(KEYS.nextKey));
  return {
    value: serving && { cas, serving, ...(next && { next }) },
    resourceVersion: secret.metadata.resourceVersion,
  };
}

const pairOf = (cert: string, key: string): KeyPair | undefined =>
  cert === '' || key === '' ? undefined : { cert, key };

/**
 * Writes the Secret if it is still the version that was read.
 *
 * @throws KubernetesError, an {@link isConflict} if it isn't
 */
export async function writeShared(
  api: KubernetesApi,
  { namespace, secret }: CertificateObjects,
  { value: { cas, serving, next }, resourceVersion }: Versioned<SharedCertificates>,
  signal: AbortSignal,
): Promise<void> {
  const data = {
    [KEYS.ca]: encode(bundleOf(cas)),
    [KEYS.cert]: encode(serving.cert),
    [KEYS.key]: encode(serving.key),
    ...(next && { [KEYS.nextCert]: encode(next.cert), [KEYS.nextKey]: encode(next.key) }),
  };
  await api.patchSecret(
    namespace,
    secret,
    [unchangedSince(resourceVersion), { op: 'add', path: '/data', value: data }],
    signal,
  );
}

/** The caBundle of each entry of the webhook configuration, as PEM; empty where there is none. */
export type Bundles = Versioned<readonly string[]>;

/**
 * What the API server trusts; undefined if the configuration doesn't exist, so that nothing calls the webhook.
 *
 * @throws KubernetesError
 */
export async function readBundles(
  api: KubernetesApi,
  { webhookConfiguration }: CertificateObjects,
  signal: AbortSignal,
): Promise<Bundles | undefined> {
  const found = await api.readMutatingWebhookConfiguration(webhookConfiguration, signal);
  return found && { value: bundlesOf(found), resourceVersion: found.metadata.resourceVersion };
}

const bundlesOf = ({ webhooks }: MutatingWebhookConfiguration) =>
  (webhooks ?? []).map(({ clientConfig }) => decode(clientConfig.caBundle));

/**
 * Has the API server trust exactly these CAs, in every entry that doesn't yet.
 *
 * @returns what it trusts then
 * @throws KubernetesError, an {@link isConflict} if the configuration has changed since it was read
 */
export async function publish(
  api: KubernetesApi,
  { webhookConfiguration }: CertificateObjects,
  { value: bundles, resourceVersion }: Bundles,
  cas: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const desired = bundleOf(cas);
  const stale = bundles.flatMap((bundle, index) => (bundle === desired ? [] : [index]));
  if (stale.length === 0) return bundles;
  const writing = stale.map(
    (index): PatchOperation => ({
      op: 'add',
      path: `/webhooks/${index}/clientConfig/caBundle`,
      value: encode(desired),
    }),
  );
  const patch = [unchangedSince(resourceVersion), ...writing];
  return bundlesOf(await api.patchMutatingWebhookConfiguration(webhookConfiguration, patch, signal));
}

/** Whether another write came first: a failed `test` of the resourceVersion gets 422, a lost race 409. */
export const isConflict = (error: unknown) =>
  error instanceof KubernetesError && (error.status === 409 || error.status === 422);

const unchangedSince = (resourceVersion: string | undefined): PatchOperation => ({
  op: 'test',
  path: '/metadata/resourceVersion',
  value: resourceVersion,
});

/** All of them in one PEM text, each block on lines of its own. */
const bundleOf = (cas: readonly string[]) => cas.map((ca) => `${ca.trimEnd()}\n`).join('');

const encode = (text: string) => Buffer.from(text).toString('base64');
const decode = (base64: string | undefined) => Buffer.from(base64 ?? '', 'base64').toString('utf8');
