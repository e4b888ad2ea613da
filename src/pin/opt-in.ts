import { excerpt } from '../image/excerpt.ts';
import { type Mode, modes } from './mode.ts';

/** On a Namespace: what it opts in to. */
export const OPT_IN = 'tagpin.dev/pin';

/** What a namespace's labels say: a mode, nothing, or something that is no mode and so counts as nothing. */
export type OptIn = { mode: Mode; unknown?: undefined } | { mode: undefined; unknown: string | undefined };

export function optInOf(labels: Readonly<Record<string, string>> | null | undefined): OptIn {
  const value = labels?.[OPT_IN];
  const mode = modes.find((known) => known === value);
  return mode === undefined ? { mode, unknown: value } : { mode };
}

/** What is wrong with the label, and what to do; undefined if nothing is. */
export function optInMistake(namespace: string, { unknown }: OptIn): string | undefined {
  if (unknown === undefined) return undefined;
  return (
    `namespace ${namespace} has the label ${OPT_IN}=${excerpt(unknown)}, which is none of ${modes.join(', ')}: ` +
    `nothing is pinned there; kubectl label --overwrite namespace ${namespace} ${OPT_IN}=enforce`
  );
}

/** The namespaces that the cluster itself lives on: the webhook's entries leave them out, label or not. */
const ofTheCluster = ['kube-system', 'kube-node-lease'];

/** Whether the webhook, as the manifests have it, leaves a namespace out whatever its label. */
export const isNeverPinned = (namespace: string, own: string) =>
  namespace === own || ofTheCluster.includes(namespace);

export const neverPinned = (namespace: string) =>
  `namespace ${namespace} never takes part, whatever its label: the webhook configuration leaves it out`;
