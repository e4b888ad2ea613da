import type { KubernetesApi, PatchOperation } from '../kubernetes/api.ts';
import { KubernetesError } from '../kubernetes/error.ts';
import { type Certificates, createCertificates, faultOf } from './certificate.ts';

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

const KEYS = { caCert: 'ca.crt', caKey: 'ca.key', cert: 'tls.crt', key: 'tls.key' } as const;
const ATTEMPTS = 5;

/** The name that the API server calls the webhook by. */
export const serverName = ({ service, namespace }: CertificatePlace) => `${service}.${namespace}.svc`;

/**
 * The certificate that all replicas serve: the one in the Secret if it can serve, else a new one put there.
 *
 * Replicas that start at once agree, because the Secret is written only as it was read: whoever comes second is
 * refused by its resourceVersion, and takes what the first has written.
 *
 * @throws KubernetesError
 */
export async function agreeOnCertificates(
  api: KubernetesApi,
  place: CertificatePlace,
  signal: AbortSignal,
): Promise<Certificates> {
  const { namespace, secret: name } = place;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const secret = await api.readSecret(namespace, name, signal);
    if (secret === undefined) {
      throw new KubernetesError(`Secret ${namespace}/${name} doesn't exist; apply tagpin's manifests again`, {
        status: 404,
        reason: 'NotFound',
      });
    }
    const stored = decode(secret.data ?? {});
    if (stored !== undefined && faultOf(stored, serverName(place)) === undefined) return stored;

    const names = [serverName(place), `${serverName(place)}.cluster.local`, `${place.service}.${namespace}`];
    const created = await createCertificates(names);
    try {
      await api.patchSecret(namespace, name, writing(secret.metadata.resourceVersion, created), signal);
      return created;
    } catch (error) {
      if (!isOvertaken(error)) throw error;
    }
  }
  throw new KubernetesError(
    `Secret ${namespace}/${name} is being changed again and again; who else writes it?`,
    {
      status: 409,
      reason: 'Conflict',
    },
  );
}

/** A failed `test` of the resourceVersion is answered with 422, a write that raced another with 409. */
const isOvertaken = (error: unknown) =>
  error instanceof KubernetesError && (error.status === 409 || error.status === 422);

/**
 * Tells the API server to trust `caCert`, in every entry that doesn't yet. True when the configuration is there.
 *
 * @throws KubernetesError
 */
export async function publishAuthority(
  api: KubernetesApi,
  place: CertificatePlace,
  caCert: string,
  signal: AbortSignal,
): Promise<boolean> {
  const configuration = await api.readMutatingWebhookConfiguration(place.webhookConfiguration, signal);
  if (configuration === undefined) return false;
  const caBundle = Buffer.from(caCert).toString('base64');
  const stale = (configuration.webhooks ?? []).flatMap(({ clientConfig }, index) =>
    clientConfig.caBundle === caBundle ? [] : [index],
  );
  if (stale.length > 0) {
    const { resourceVersion } = configuration.metadata;
    await api.patchMutatingWebhookConfiguration(
      place.webhookConfiguration,
      [
        { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion },
        ...stale.map(
          (index): PatchOperation => ({
            op: 'add',
            path: `/webhooks/${index}/clientConfig/caBundle`,
            value: caBundle,
          }),
        ),
      ],
      signal,
    );
  }
  return true;
}

function decode(data: Record<string, string>): Certificates | undefined {
  const text = (key: string) => Buffer.from(data[key] ?? '', 'base64').toString('utf8');
  const certificates = {
    caCert: text(KEYS.caCert),
    caKey: text(KEYS.caKey),
    cert: text(KEYS.cert),
    key: text(KEYS.key),
  };
  return Object.values(certificates).includes('') ? undefined : certificates;
}

function writing(resourceVersion: string | undefined, certificates: Certificates): PatchOperation[] {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const data = {
    [KEYS.caCert]: base64(certificates.caCert),
    [KEYS.caKey]: base64(certificates.caKey),
    [KEYS.cert]: base64(certificates.cert),
    [KEYS.key]: base64(certificates.key),
  };
  return [
    { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion },
    { op: 'add', path: '/data', value: data },
  ];
}
