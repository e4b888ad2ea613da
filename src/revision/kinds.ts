import { type Resource, resources } from '../kubernetes/resources.ts';
import { OWN_HASH } from './pins.ts';

/** The kinds that store pins. Each is created before its first pod, and its template doesn't change. */
export type RevisionKind = 'ReplicaSet' | 'ControllerRevision' | 'Job';

interface RevisionResource {
  readonly resource: Resource;
  /** The labels with its hash, in the order to look for them. */
  readonly hashLabels: readonly string[];
}

export const revisionKinds: Readonly<Record<RevisionKind, RevisionResource>> = {
  ReplicaSet: {
    resource: resources.ReplicaSet,
    // A Deployment's; an Argo Rollout's (argo-rollouts pkg/apis/rollouts/v1alpha1/types.go).
    hashLabels: ['pod-template-hash', 'rollouts-pod-template-hash'],
  },
  ControllerRevision: {
    resource: resources.ControllerRevision,
    // A StatefulSet's (kubernetes pkg/controller/history); a DaemonSet's.
    hashLabels: ['controller.kubernetes.io/hash', 'controller-revision-hash'],
  },
  Job: { resource: resources.Job, hashLabels: [] },
};

export const isRevisionKind = (kind: string): kind is RevisionKind => Object.hasOwn(revisionKinds, kind);

/** The API server accepts 63 characters after the slash of an annotation's name, and a key's time needs 12 of them. */
const HASH = /^[A-Za-z0-9][-A-Za-z0-9_.]{0,49}$/;

/** The hash that tells a revision from its owner's others, as it stands in an annotation's name; `own` if it has none. */
export function hashOf(kind: RevisionKind, labels: Readonly<Record<string, string>> | null | undefined) {
  const found = revisionKinds[kind].hashLabels
    .map((label) => labels?.[label])
    .find((hash) => hash !== undefined && HASH.test(hash));
  return found ?? OWN_HASH;
}
