import { z } from 'zod';
import { remedyFor } from '../../access/remedies.ts';
import { readShared, serverName } from '../../certificate/certificate-store.ts';
import type { Config } from '../../config.ts';
import type { KubernetesApi } from '../../kubernetes/api.ts';
import { KubernetesError } from '../../kubernetes/error.ts';
import { resources } from '../../kubernetes/resources.ts';
import { optInOf } from '../../pin/opt-in.ts';
import {
  type CertificateSecret,
  caBundleCheck,
  certificateCheck,
} from '../../preflight/certificate-check.ts';
import type { Asked, Check } from '../../preflight/check.ts';
import {
  configurationCheck,
  endpointsCheck,
  namespaceCheck,
  type ServiceEndpoints,
  type Subject,
  trialCheck,
  trialPod,
} from '../../preflight/installation.ts';
import {
  neededByWebhook,
  neededToAdopt,
  ownPermissionsCheck,
  type Permission,
  type Reviewed,
  webhookPermissionsCheck,
} from '../../preflight/permissions.ts';
import {
  CALLED_FIRST,
  isInjected,
  serviceOf,
  type WebhookConfiguration,
  webhookConfigurationSchema,
} from '../../preflight/webhook-configuration.ts';

export interface InstallationContext {
  api: KubernetesApi;
  webhook: Config['webhook'];
  signal: AbortSignal;
  /** Milliseconds since 1970. */
  now: number;
}

/** Checks whether tagpin works for a namespace, as far as the person's permissions allow. */
export async function checkInstallation(subject: Subject, context: InstallationContext): Promise<Check[]> {
  const { api, webhook, signal } = context;
  const { webhookConfiguration: name } = webhook;
  const asked = await ask(() => readConfiguration(api, name, signal));
  const own = ask(() => review(api, neededToAdopt(subject.name), undefined, signal));
  const configuration = asked.result === undefined ? asked.value : undefined;
  const isAbsent = asked.result === undefined && configuration === undefined;
  const about = [
    namespaceCheck(subject, configuration),
    configurationCheck(configuration?.metadata.name ?? name, asked, subject),
  ];
  // Without an installation there is nothing more to check.
  const named = { ...webhook, webhookConfiguration: configuration?.metadata.name ?? name };
  const rest = isAbsent ? [] : await checkWebhook(subject, configuration, { ...context, webhook: named });
  return [...about, ...rest, ownPermissionsCheck(await own)];
}

/** By the name that the webhook's configuration says, or by the name that the component `called-first` gives it. */
async function readConfiguration(api: KubernetesApi, name: string, signal: AbortSignal) {
  const read = (candidate: string) =>
    api.read(
      resources.MutatingWebhookConfiguration,
      undefined,
      candidate,
      webhookConfigurationSchema,
      signal,
    );
  return (await read(name)) ?? (await read(CALLED_FIRST));
}

async function checkWebhook(
  subject: Subject,
  configuration: WebhookConfiguration | undefined,
  context: InstallationContext,
): Promise<Check[]> {
  const { api, webhook, signal, now } = context;
  const found = configuration && serviceOf(configuration);
  const service = {
    ...(found ?? { namespace: subject.own, name: webhook.service }),
    isCertificateOthers: webhook.certificate !== undefined || isInjected(configuration),
  };
  const [endpoints, served, permissions, call] = await Promise.all([
    ask(() => readEndpoints(api, service, signal)),
    ask(() => readServed(service, context)),
    checkPermissions(subject, service, context),
    tryCall(subject, context),
  ]);
  return [
    endpointsCheck(endpoints),
    ...(configuration === undefined
      ? []
      : [caBundleCheck(configuration, now), certificateCheck(served, configuration, now)]),
    call,
    permissions,
  ];
}

/** The webhook's Service. */
interface WebhookService {
  namespace: string;
  name: string;
  /** Whether something else creates the certificate and writes the caBundle, such as cert-manager. */
  isCertificateOthers: boolean;
}

const slice = z.object({
  endpoints: z
    .array(
      z.object({
        conditions: z
          .object({ ready: z.boolean().nullish(), terminating: z.boolean().nullish() })
          .default({}),
      }),
    )
    .nullish(),
});

async function readEndpoints(
  api: KubernetesApi,
  { namespace, name }: Omit<WebhookService, 'isCertificateOthers'>,
  signal: AbortSignal,
): Promise<ServiceEndpoints> {
  const found = await api.readMetadata(resources.Service, namespace, name, signal);
  const labelSelector = `kubernetes.io/service-name=${name}`;
  const ready: boolean[] = [];
  const slices = api.list(resources.EndpointSlice, namespace, slice, signal, { labelSelector });
  for await (const { endpoints } of slices) {
    const staying = (endpoints ?? []).filter(({ conditions }) => conditions.terminating !== true);
    // A missing ready condition means true (kubernetes/api discovery/v1 types.go).
    for (const { conditions } of staying) ready.push(conditions.ready !== false);
  }
  return {
    service: `${namespace}/${name}`,
    exists: found !== undefined,
    ready: ready.filter(Boolean).length,
    all: ready.length,
  };
}

async function readServed(
  { namespace, name: service, isCertificateOthers: isOthers }: WebhookService,
  { api, webhook, signal }: InstallationContext,
): Promise<CertificateSecret> {
  const place = { ...webhook, namespace, service };
  const about = { secret: `${namespace}/${webhook.secret}`, serverName: serverName(place), isOthers };
  if (isOthers) return { ...about, exists: false, pair: undefined };
  try {
    const shared = await readShared(api, place, signal);
    return { ...about, exists: true, pair: shared.value?.serving };
  } catch (error) {
    if (error instanceof KubernetesError && error.status === 404) {
      return { ...about, exists: false, pair: undefined };
    }
    throw error;
  }
}

const deployment = z.object({
  spec: z.object({
    template: z.object({ spec: z.object({ serviceAccountName: z.string().default('default') }) }),
  }),
});

async function checkPermissions(
  subject: Subject,
  { namespace, name, isCertificateOthers }: WebhookService,
  { api, webhook, signal }: InstallationContext,
): Promise<Check> {
  const own = { ...webhook, namespace, isCertificateOthers };
  const found = await ask(() => api.read(resources.Deployment, namespace, name, deployment, signal));
  const account =
    (found.result === undefined ? found.value?.spec.template.spec.serviceAccountName : undefined) ?? name;
  const user = `system:serviceaccount:${namespace}:${account}`;
  const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'];
  const needed = neededByWebhook(subject.name, own);
  const asked = await ask(() => review(api, needed, { user, groups }, signal));
  return webhookPermissionsCheck(user, subject.name, asked);
}

const reviewed = z.object({ status: z.object({ allowed: z.boolean() }) });

/** Asks the API server which permissions a user has; without one, which the person has. */
async function review(
  api: KubernetesApi,
  permissions: readonly Permission[],
  who: { user: string; groups: string[] } | undefined,
  signal: AbortSignal,
): Promise<Reviewed[]> {
  const kind = who === undefined ? 'SelfSubjectAccessReview' : 'SubjectAccessReview';
  return Promise.all(
    permissions.map(async (permission) => {
      const content = {
        apiVersion: 'authorization.k8s.io/v1',
        kind,
        spec: { ...who, resourceAttributes: permission },
      };
      const { object } = await api.create(resources[kind], undefined, content, reviewed, signal);
      return { permission, allowed: object.status.allowed };
    }),
  );
}

/** Creates a pod on a dry run, to see whether the webhook answers. Without the label it wouldn't be called. */
async function tryCall(
  { name: namespace, labels }: Subject,
  { api, signal }: InstallationContext,
): Promise<Check> {
  if (labels === undefined) {
    const detail = "not tried: the namespace's labels can't be read, and its mode isn't known";
    return { name: 'call', result: 'not asked', detail };
  }
  const { mode } = optInOf(labels);
  if (mode === undefined) {
    const detail = 'not tried: tagpin is called only for namespaces that have opted in';
    return { name: 'call', result: 'note', detail };
  }
  try {
    const { warnings } = await api.create(resources.Pod, namespace, trialPod, z.unknown(), signal, {
      dryRun: true,
    });
    return trialCheck(mode, { refusal: undefined, warnings });
  } catch (error) {
    if (!(error instanceof KubernetesError)) throw error;
    return trialCheck(mode, { refusal: error, warnings: error.warnings });
  }
}

/** The answer, or why there is none. */
async function ask<T>(reading: () => Promise<T>): Promise<Asked<T>> {
  try {
    return { value: await reading() };
  } catch (error) {
    if (!(error instanceof KubernetesError)) throw error;
    const result = error.status === 403 ? 'not asked' : 'unknown';
    return { result, why: `${error.message}; ${remedyFor(error)}` };
  }
}
