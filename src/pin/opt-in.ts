import { excerpt } from '../image/excerpt.ts';

/**
 * What a namespace opts in to with its label `tagpin.dev/pin`: `enforce` refuses a pod with an image that can't be
 * pinned, `best-effort` admits it with a warning, `audit` changes nothing and reports what would happen.
 */
export const modes = ['enforce', 'best-effort', 'audit'] as const;
export type Mode = (typeof modes)[number];

/** The label of a Namespace whose value is its mode. */
export const OPT_IN_LABEL = 'tagpin.dev/pin';

/** A namespace's mode, or a label value that is no mode and so has no effect, or neither. */
export type OptIn = { mode: Mode; unknown?: undefined } | { mode: undefined; unknown: string | undefined };

export function optInOf(labels: Readonly<Record<string, string>> | null | undefined): OptIn {
  const value = labels?.[OPT_IN_LABEL];
  const mode = modes.find((known) => known === value);
  return mode === undefined ? { mode, unknown: value } : { mode };
}

/** What is wrong with a namespace's label, with the remedy; undefined if nothing is. */
export function optInMistake(namespace: string, { unknown }: OptIn): string | undefined {
  if (unknown === undefined) return undefined;
  return (
    `namespace ${namespace} has the label ${OPT_IN_LABEL}=${excerpt(unknown)}, which is none of ${modes.join(', ')}: ` +
    `nothing is pinned there; kubectl label --overwrite namespace ${namespace} ${OPT_IN_LABEL}=enforce`
  );
}

/** The cluster's own namespaces. The webhook configuration excludes them, labelled or not. */
const clusterNamespaces = ['kube-system', 'kube-node-lease'];

/** Whether the webhook configuration, as the manifests have it, excludes a namespace whatever its label. */
export const isNeverPinned = (namespace: string, own: string) =>
  namespace === own || clusterNamespaces.includes(namespace);

export const neverPinned = (namespace: string) =>
  `namespace ${namespace} never takes part, whatever its label: the webhook configuration leaves it out`;
