import { randomBytes, randomUUID } from 'node:crypto';
import { z } from 'zod';
import { keepKubernetesSecret } from '../secrets/kubernetes.ts';
import type { Resource } from './resources.ts';
import { alreadyExists, conflict, missingName, notFound } from './status.ts';

/** A Kubernetes object, with the metadata that the API server's rules need. */
export const kubernetesObject = z.looseObject({
  apiVersion: z.string().optional(),
  kind: z.string().optional(),
  metadata: z
    .looseObject({
      name: z.string().optional(),
      generateName: z.string().optional(),
      namespace: z.string().optional(),
      uid: z.string().optional(),
      resourceVersion: z.string().optional(),
      creationTimestamp: z.union([z.string(), z.date(), z.null()]).optional(),
      labels: z.record(z.string(), z.string()).optional(),
      annotations: z.record(z.string(), z.string()).optional(),
    })
    .default({}),
});

export type KubernetesObject = z.output<typeof kubernetesObject>;

/** All objects of the API server. Objects are copied in and out, except in lists. */
export class Objects {
  readonly #stored = new Map<string, KubernetesObject>();
  #version = 0;

  /** The latest resourceVersion. */
  get resourceVersion(): string {
    return String(this.#version);
  }

  find(resource: Resource, namespace: string | undefined, name: string): KubernetesObject | undefined {
    const found = this.#stored.get(key(resource, namespace, name));
    return found && structuredClone(found);
  }

  get(resource: Resource, namespace: string | undefined, name: string): KubernetesObject {
    const found = this.find(resource, namespace, name);
    if (found === undefined) throw notFound(resource, name);
    return found;
  }

  /** In the order of their keys, as in etcd; of all namespaces if none is given. Not copied, because there may be many. */
  list(resource: Resource, namespace: string | undefined): readonly Readonly<KubernetesObject>[] {
    const start = key(resource, namespace, '');
    return [...this.#stored.keys()]
      .filter((stored) => stored.startsWith(start))
      .sort()
      .flatMap((stored) => this.#stored.get(stored) ?? []);
  }

  /** Gives the object its name, uid and creation time, and stores it, unless this is a dry run. */
  create(resource: Resource, object: KubernetesObject, dryRun = false): KubernetesObject {
    const { name = generatedName(object), namespace } = object.metadata;
    if (name === undefined) throw missingName(resource);
    if (this.#stored.has(key(resource, namespace, name))) throw alreadyExists(resource, name);
    const own = {
      name,
      uid: randomUUID(),
      creationTimestamp: timestamp(),
    };
    return this.#store(resource, { ...object, metadata: { ...object.metadata, ...own } }, dryRun);
  }

  /** Replaces the object, if it is still the version that the new one carries (any, if it carries none). */
  update(resource: Resource, object: KubernetesObject, dryRun = false): KubernetesObject {
    const { name = '', namespace, resourceVersion } = object.metadata;
    const { metadata } = this.get(resource, namespace, name);
    if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
      throw conflict(resource, name);
    }
    const { uid, creationTimestamp } = metadata;
    const own = { uid, creationTimestamp };
    return this.#store(resource, { ...object, metadata: { ...object.metadata, ...own } }, dryRun);
  }

  /** Stores the object unchanged, replacing one of that name. It may have fields that only the API server sets. */
  put(resource: Resource, { metadata, ...object }: KubernetesObject): KubernetesObject {
    const { name = '', namespace, resourceVersion: _, ...given } = metadata;
    const there = this.find(resource, namespace, name)?.metadata;
    const { uid = there?.uid ?? randomUUID(), creationTimestamp = there?.creationTimestamp ?? timestamp() } =
      given;
    const own = { name, uid, creationTimestamp };
    return this.#store(
      resource,
      { ...object, metadata: { ...given, ...(namespace && { namespace }), ...own } },
      false,
    );
  }

  delete(resource: Resource, namespace: string | undefined, name: string): boolean {
    return this.#stored.delete(key(resource, namespace, name));
  }

  #store(resource: Resource, object: KubernetesObject, dryRun: boolean): KubernetesObject {
    if (!dryRun) this.#version += 1;
    const metadata = { ...object.metadata, resourceVersion: this.resourceVersion };
    const stored = structuredClone({ ...object, metadata });
    if (resource.name === 'secrets') keepKubernetesSecret(stored);
    if (!dryRun) this.#stored.set(key(resource, metadata.namespace, metadata.name ?? ''), stored);
    return structuredClone(stored);
  }
}

/** Now, in whole seconds. */
const timestamp = () => new Date().toISOString().replace(/\.\d+/, '');

/** A collection's key is the prefix of its objects' keys. */
function key({ group, name: plural, namespaced }: Resource, namespace: string | undefined, name: string) {
  const collection = `${group}/${plural}/`;
  if (!namespaced) return collection + name;
  return namespace === undefined ? collection : `${collection}${namespace}/${name}`;
}

function generatedName({ metadata: { generateName } }: KubernetesObject): string | undefined {
  return generateName && generateName + randomBytes(3).toString('hex').slice(0, 5);
}
