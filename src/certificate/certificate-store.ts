import { certificatesIn, type KeyPair } from '../config/pem.ts';
import type { KubernetesApi, MutatingWebhookConfiguration, PatchOperation } from '../kubernetes/api.ts';
import { KubernetesError } from '../kubernetes/error.ts';
import type { SharedCertificates } from './rotation.ts';

/** Where the replicas of the webhook find their certificate, and where the API server learns to trust it. */
export interface CertificatePlace {
  namespace: string;
  /** The Secret shared by the replicas. It exists, empty at first: so nobody needs leave to create Secrets. */
  secret: string;
  /** The MutatingWebhookConfiguration whose entries get the caBundle. */
  webhookConfiguration: string;
  /** The webhook's Service. */
  service: string;
}

/** The name that the API server calls the webhook by. */
export const serverName = ({ service, namespace }: Pick<CertificatePlace, 'service' | 'namespace'>) =>
  `${service}.${namespace}.svc`;

/** What was read, to be written only if nobody has written since. */
export interface Versioned<T> {
  readonly value: T;
  readonly resourceVersion: string | undefined;
}

const KEYS = { ca: 'ca.crt', cert: 'tls.crt', key: 'tls.key', nextCert: 'next.crt', nextKey: 'next.key' };

/**
 * What the Secret holds; undefined where that is nothing that could be served.
 *
 * @throws KubernetesError
 */
export async function readShared(
  api: KubernetesApi,
  { namespace, secret: name }: CertificatePlace,
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
 * Writes the Secret, if it is still the version that was read.
 *
 * @throws KubernetesError one that {@link isOvertaken} knows if it isn't
 */
export async function writeShared(
  api: KubernetesApi,
  { namespace, secret }: CertificatePlace,
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

/** The caBundle of each entry of the webhook configuration, PEM; empty where it has none. */
export type Bundles = Versioned<readonly string[]>;

/**
 * What the API server trusts; undefined when the configuration isn't there, and so nothing calls the webhook.
 *
 * @throws KubernetesError
 */
export async function readBundles(
  api: KubernetesApi,
  { webhookConfiguration }: CertificatePlace,
  signal: AbortSignal,
): Promise<Bundles | undefined> {
  const found = await api.readMutatingWebhookConfiguration(webhookConfiguration, signal);
  return found && { value: bundlesOf(found), resourceVersion: found.metadata.resourceVersion };
}

const bundlesOf = ({ webhooks }: MutatingWebhookConfiguration) =>
  (webhooks ?? []).map(({ clientConfig }) => decode(clientConfig.caBundle));

/**
 * Tells the API server to trust these CAs and no others, in every entry that doesn't yet. Returns what it then trusts.
 *
 * @throws KubernetesError one that {@link isOvertaken} knows if the configuration has changed since it was read
 */
export async function publish(
  api: KubernetesApi,
  { webhookConfiguration }: CertificatePlace,
  { value: bundles, resourceVersion }: Bundles,
  cas: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const wanted = bundleOf(cas);
  const stale = bundles.flatMap((bundle, index) => (bundle === wanted ? [] : [index]));
  if (stale.length === 0) return bundles;
  const writing = stale.map(
    (index): PatchOperation => ({
      op: 'add',
      path: `/webhooks/${index}/clientConfig/caBundle`,
      value: encode(wanted),
    }),
  );
  const patch = [unchangedSince(resourceVersion), ...writing];
  return bundlesOf(await api.patchMutatingWebhookConfiguration(webhookConfiguration, patch, signal));
}

/** A failed `test` of the resourceVersion is answered with 422, a write that raced another with 409. */
export const isOvertaken = (error: unknown) =>
  error instanceof KubernetesError && (error.status === 409 || error.status === 422);

const unchangedSince = (resourceVersion: string | undefined): PatchOperation => ({
  op: 'test',
  path: '/metadata/resourceVersion',
  value: resourceVersion,
});

/** One after another, each block on lines of its own. */
const bundleOf = (cas: readonly string[]) => cas.map((ca) => `${ca.trimEnd()}\n`).join('');

const encode = (text: string) => Buffer.from(text).toString('base64');
const decode = (base64: string | undefined) => Buffer.from(base64 ?? '', 'base64').toString('utf8');
