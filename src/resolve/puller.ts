import type { Puller } from '../credentials/pull-secrets.ts';
import type { PodSpec } from '../pin/pod.ts';

/** Whose credentials a pod has, or the pods of a template will have. */
export function pullerOf(namespace: string, spec: PodSpec): Puller {
  return {
    namespace,
    imagePullSecrets: (spec.imagePullSecrets ?? []).map(({ name }) => name),
    serviceAccountName: spec.serviceAccountName || spec.serviceAccount || 'default',
  };
}
