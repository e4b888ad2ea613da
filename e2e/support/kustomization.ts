import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import { z } from 'zod';
import type { Cluster } from './cluster.ts';
import { run, succeed } from './command.ts';
import type { Manifest } from './namespace.ts';

const manifests = join(import.meta.dirname, '../../manifests');
const folders = (of: string) =>
  readdirSync(join(manifests, of), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();

/** The overlays and components, by the names of their folders. */
export const overlays = folders('overlays');
export const components = folders('components');

export interface Composition {
  /** One of the project's own, or the path of a kustomization. */
  readonly base: string;
  readonly components?: readonly string[];
  readonly patches?: readonly Manifest[];
}

/** Writes a user's kustomization with these components, and returns its folder. */
export function compose(
  cluster: Cluster,
  { base, components: wanted = [], patches = [] }: Composition,
): string {
  const folder = mkdtempSync(join(cluster.directory, 'composed-'));
  const path = (of: string, name: string) => relative(folder, join(manifests, of, name));
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources: [overlays.includes(base) ? path('overlays', base) : relative(folder, base)],
    components: wanted.map((name) => path('components', name)),
    patches: [...patches, ...(wanted.includes('network-policy') ? [apiServerAddress] : [])],
  };
  writeFileSync(join(folder, 'kustomization.yaml'), stringify(kustomization));
  return folder;
}

/** The patch for the component `network-policy`, as in docs/install.md. */
const apiServerAddress = {
  target: { kind: 'NetworkPolicy', name: 'tagpin' },
  patch: stringify(
    ['/spec/ingress/0/from', '/spec/egress/0/to'].map((path) => ({
      op: 'replace',
      path,
      value: [{ ipBlock: { cidr: '10.0.0.1/32' } }],
    })),
  ),
};

const objectSchema = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    labels: z.record(z.string(), z.string()).default({}),
  }),
});
export type KubernetesObject = z.infer<typeof objectSchema>;

/** The objects in manifests. */
export const objectsIn = (text: string): KubernetesObject[] =>
  parseAllDocuments(text).map((document) => objectSchema.parse(document.toJS()));

/** The objects of a kustomization. */
export async function render(cluster: Cluster, folder: string): Promise<KubernetesObject[]> {
  return objectsIn(await succeed(run([cluster.programs.kubectl, 'kustomize', folder])));
}

/** The only object of that kind and name, parsed with `schema`. */
export function objectOf<Value>(
  objects: readonly KubernetesObject[],
  kind: string,
  name: string,
  schema: z.ZodType<Value>,
): Value {
  return schema.parse(objects.find((each) => each.kind === kind && each.metadata.name === name));
}
