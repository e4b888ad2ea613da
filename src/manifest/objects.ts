import type { Document } from 'yaml';
import { childOf, type Found, itemsOf, stringOf } from './nodes.ts';

/** What messages and results call an object. */
export interface ObjectName {
  apiVersion: string;
  kind: string;
  name: string;
  namespace: string | undefined;
}

/** A Kubernetes object in a document. */
export interface ManifestObject extends ObjectName {
  node: Found;
  /** JSON pointer to it from its document's root: `/items/3` in a list, else empty. */
  pointer: string;
}

/** Lists of lists are followed so far. */
const DEEPEST_LIST = 4;

/** The object that a document is, or those of the list that it is: a `List`, a `DeploymentList`, a `ResourceList`. */
export function objectsOf(document: Document): ManifestObject[] {
  return objectsAt(document, childless(document), '', {}, DEEPEST_LIST);
}

const childless = ({ contents }: Document): Found => contents ?? undefined;

function objectsAt(
  document: Document,
  node: Found,
  pointer: string,
  byDefault: { apiVersion?: string | undefined; kind?: string },
  depth: number,
): ManifestObject[] {
  const textAt = (...path: string[]) =>
    stringOf(
      document,
      path.reduce<Found>((parent, name) => childOf(document, parent, name), node),
    );
  const apiVersion = textAt('apiVersion') ?? byDefault.apiVersion;
  const kind = textAt('kind') ?? byDefault.kind;
  if (apiVersion === undefined || kind === undefined) return [];
  const items = depth > 0 && kind.endsWith('List') ? itemsOf(document, childOf(document, node, 'items')) : [];
  if (items.length > 0) {
    // Items of a typed list needn't say what they are.
    const ofItems =
      kind === 'List' || kind === 'ResourceList' ? {} : { apiVersion, kind: kind.slice(0, -'List'.length) };
    return items.flatMap((item, index) =>
      objectsAt(document, item, `${pointer}/items/${index}`, ofItems, depth - 1),
    );
  }
  const name = textAt('metadata', 'name') ?? textAt('metadata', 'generateName') ?? '';
  return [{ node, pointer, apiVersion, kind, name, namespace: textAt('metadata', 'namespace') }];
}

/** `apps` of `apps/v1`; empty for the core group. */
export const groupOf = (apiVersion: string) =>
  apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';

/** `v1` of `apps/v1`. */
export const versionOf = (apiVersion: string) => apiVersion.slice(apiVersion.indexOf('/') + 1);

/** `Deployment "web"`, as people say it. */
export const nameOf = ({ kind, name }: ObjectName) => (name === '' ? kind : `${kind} "${name}"`);
