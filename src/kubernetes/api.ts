import { z } from 'zod';
import { type Call, call, callWithWarnings, type KubernetesObserver, TOO_LARGE } from './call.ts';
import type { Connection } from './connection.ts';
import { KubernetesError } from './error.ts';
import { pathOf, type Resource, resources } from './resources.ts';

const ownerReference = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  name: z.string(),
  uid: z.string(),
  controller: z.boolean().nullish(),
});
export type OwnerReference = z.infer<typeof ownerReference>;

/** The part of an object's metadata that tagpin reads. */
export const objectMetadata = z.object({
  name: z.string(),
  namespace: z.string().optional(),
  uid: z.string().optional(),
  resourceVersion: z.string().optional(),
  labels: z.record(z.string(), z.string()).nullish(),
  annotations: z.record(z.string(), z.string()).nullish(),
  ownerReferences: z.array(ownerReference).nullish(),
});
export type ObjectMetadata = z.infer<typeof objectMetadata>;

const metadataOnly = z.object({ metadata: objectMetadata });

const secret = z.object({
  metadata: objectMetadata,
  type: z.string().default('Opaque'),
  /** Values are base64, as on the wire. */
  data: z.record(z.string(), z.string()).nullish(),
});
export type Secret = z.infer<typeof secret>;

const serviceAccount = z.object({
  metadata: objectMetadata,
  imagePullSecrets: z.array(z.object({ name: z.string().default('') })).nullish(),
});
export type ServiceAccount = z.infer<typeof serviceAccount>;

const mutatingWebhookConfiguration = z.object({
  metadata: objectMetadata,
  webhooks: z
    .array(z.object({ name: z.string(), clientConfig: z.object({ caBundle: z.string().optional() }) }))
    .nullish(),
});
export type MutatingWebhookConfiguration = z.infer<typeof mutatingWebhookConfiguration>;

/** One operation of a JSON patch (RFC 6902). */
export type PatchOperation =
  | { op: 'add' | 'replace' | 'test'; path: string; value: unknown }
  | { op: 'remove'; path: string };

export interface ListOptions {
  /** In the form of kubectl's `--selector`. */
  labelSelector?: string;
  /** How many objects come in one answer, unless they are so large that fewer do. */
  pageSize?: number;
  /** Whether only their metadata is to be sent. */
  metadataOnly?: boolean;
}

/**
 * What tagpin asks of the API server. A read returns `undefined` for an object that doesn't exist, and sends no request for
 * a name that no object can have; it throws a {@link KubernetesError} if the answer is anything else but the object.
 */
export interface KubernetesApi {
  readSecret(namespace: string, name: string, signal: AbortSignal): Promise<Secret | undefined>;
  readServiceAccount(
    namespace: string,
    name: string,
    signal: AbortSignal,
  ): Promise<ServiceAccount | undefined>;
  /** Fails with reason `Conflict` when the Secret has changed since `resourceVersion`. */
  patchSecret(namespace: string, name: string, patch: PatchOperation[], signal: AbortSignal): Promise<Secret>;
  readMutatingWebhookConfiguration(
    name: string,
    signal: AbortSignal,
  ): Promise<MutatingWebhookConfiguration | undefined>;
  patchMutatingWebhookConfiguration(
    name: string,
    patch: PatchOperation[],
    signal: AbortSignal,
  ): Promise<MutatingWebhookConfiguration>;
  /** An object of any kind, parsed as `shape`; cluster-scoped without a namespace. */
  read<T>(
    resource: Resource,
    namespace: string | undefined,
    name: string,
    shape: z.ZodType<T>,
    signal: AbortSignal,
  ): Promise<T | undefined>;
  /** Whether the API server has the resource at all. */
  serves(resource: Resource, signal: AbortSignal): Promise<boolean>;
  /** Creates an object, or has it admitted and validated by a dry run. Returns it as created, with the API server's warnings. */
  create<T>(
    resource: Resource,
    namespace: string | undefined,
    object: unknown,
    shape: z.ZodType<T>,
    signal: AbortSignal,
    options?: { dryRun?: boolean },
  ): Promise<{ object: T; warnings: string[] }>;
  /** Only the metadata of an object of any kind; cluster-scoped without a namespace. */
  readMetadata(
    resource: Resource,
    namespace: string | undefined,
    name: string,
    signal: AbortSignal,
  ): Promise<ObjectMetadata | undefined>;
  /** All objects of a namespace, or of all namespaces without one, each parsed as `shape`. They are read in pages. */
  list<T>(
    resource: Resource,
    namespace: string | undefined,
    shape: z.ZodType<T>,
    signal: AbortSignal,
    options?: ListOptions,
  ): AsyncGenerator<T, void, undefined>;
  /** Sets annotations, whatever else changes in the object meanwhile. `null` removes one. */
  annotate(
    resource: Resource,
    namespace: string,
    name: string,
    annotations: Readonly<Record<string, string | null>>,
    signal: AbortSignal,
  ): Promise<void>;
}

const resourceList = z.object({ resources: z.array(z.object({ name: z.string() })).nullish() });

const METADATA_ONLY = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
const METADATA_LIST_ONLY = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';
const JSON_PATCH = 'application/json-patch+json';
const MERGE_PATCH = 'application/merge-patch+json';
const PAGE_SIZE = 250;

/** The API over `connection`. */
export function createKubernetesApi(connection: Connection, observe?: KubernetesObserver): KubernetesApi {
  const ask = <T>(of: Call, shape: z.ZodType<T>) => call(connection, of, shape, observe);
  const read = async <T>(
    path: string | undefined,
    of: Omit<Call, 'method' | 'path'>,
    shape: z.ZodType<T>,
  ) => {
    if (path === undefined) return undefined;
    try {
      return await ask({ method: 'GET', path, ...of }, shape);
    } catch (error) {
      if (error instanceof KubernetesError && error.status === 404) return undefined;
      throw error;
    }
  };
  const patch = async <T>(
    path: string | undefined,
    content: PatchOperation[],
    shape: z.ZodType<T>,
    signal: AbortSignal,
  ) => ask({ method: 'PATCH', path: possible(path), body: { type: JSON_PATCH, content }, signal }, shape);
  const { Secret, ServiceAccount, MutatingWebhookConfiguration } = resources;
  return {
    readSecret: (namespace, name, signal) => read(pathOf(Secret, namespace, name), { signal }, secret),
    readServiceAccount: (namespace, name, signal) =>
      read(pathOf(ServiceAccount, namespace, name), { signal }, serviceAccount),
    patchSecret: (namespace, name, content, signal) =>
      patch(pathOf(Secret, namespace, name), content, secret, signal),
    readMutatingWebhookConfiguration: (name, signal) =>
      read(pathOf(MutatingWebhookConfiguration, undefined, name), { signal }, mutatingWebhookConfiguration),
    patchMutatingWebhookConfiguration: (name, content, signal) =>
      patch(
        pathOf(MutatingWebhookConfiguration, undefined, name),
        content,
        mutatingWebhookConfiguration,
        signal,
      ),
    read: (resource, namespace, name, shape, signal) =>
      read(pathOf(resource, namespace, name), { signal }, shape),
    async serves({ group, version, name }, signal) {
      const path = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
      const served = await read(path, { signal }, resourceList);
      return served?.resources?.some((resource) => resource.name === name) ?? false;
    },
    create: (resource, namespace, content, shape, signal, { dryRun = false } = {}) =>
      callWithWarnings(
        connection,
        {
          method: 'POST',
          path: `${possible(pathOf(resource, namespace))}${dryRun ? '?dryRun=All' : ''}`,
          body: { type: 'application/json', content },
          signal,
        },
        shape,
      ),
    async readMetadata(resource, namespace, name, signal) {
      const path = pathOf(resource, namespace, name);
      return (await read(path, { accept: METADATA_ONLY, signal }, metadataOnly))?.metadata;
    },
    async *list(resource, namespace, shape, signal, options = {}) {
      const { labelSelector = '', pageSize = PAGE_SIZE, metadataOnly: isMetadataOnly = false } = options;
      const collection = pathOf(resource, namespace);
      if (collection === undefined) return;
      const accept = isMetadataOnly ? { accept: METADATA_LIST_ONLY } : {};
      const pageShape = z.object({
        metadata: z.object({ continue: z.string().nullish() }).default({}),
        items: z.array(shape).nullish(),
      });
      let limit = pageSize;
      let next: string | undefined = '';
      while (next !== undefined) {
        const query = new URLSearchParams({ limit: String(limit) });
        if (labelSelector !== '') query.set('labelSelector', labelSelector);
        if (next !== '') query.set('continue', next);
        const path = `${collection}?${query}`;
        const page = await ask({ method: 'GET', path, ...accept, signal }, pageShape).catch(
          (error: unknown) => {
            if (!isTooLarge(error) || limit === 1) throw error;
            limit = Math.ceil(limit / 4);
          },
        );
        if (page === undefined) continue;
        yield* page.items ?? [];
        next = page.metadata.continue || undefined;
      }
    },
    async annotate(resource, namespace, name, annotations, signal) {
      const content = { metadata: { annotations } };
      const path = possible(pathOf(resource, namespace, name));
      await ask({ method: 'PATCH', path, body: { type: MERGE_PATCH, content }, signal }, metadataOnly);
    },
  };
}

const isTooLarge = (error: unknown) => error instanceof KubernetesError && error.reason === TOO_LARGE;

/** @throws KubernetesError for what no object can be called */
function possible(path: string | undefined): string {
  if (path !== undefined) return path;
  throw new KubernetesError('no object can have that name', { status: 404, reason: 'NotFound' });
}
