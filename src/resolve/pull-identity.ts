import type { PullIdentity } from '../credentials/pull-secrets.ts';
import type { PodSpec } from '../pin/pod.ts';

/** Whose credentials a pod has, or the pods of a template will have. */
export function pullIdentityOf(namespace: string, spec: PodSpec): PullIdentity {
  return {
    namespace,
    imagePullSecrets: (spec.imagePullSecrets ?? []).map(({ name }) => name),
    serviceAccountName: spec.serviceAccountName || spec.serviceAccount || 'default',
  };
}
