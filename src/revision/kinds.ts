import { type Resource, resources } from '../kubernetes/resources.ts';
import { OWN_HASH } from './pins.ts';

/** The kinds that store their pins: what a pod is one of, made before its first pod and never its template changed. */
export type RevisionKind = 'ReplicaSet' | 'ControllerRevision' | 'Job';

interface RevisionResource {
  readonly resource: Resource;
  /** The labels that tell it from other revisions, in the order to look for them. */
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

/** What the API server takes behind a prefix's slash is 63 characters, and a key's time needs 12 of them. */
const HASH = /^[A-Za-z0-9][-A-Za-z0-9_.]{0,49}$/;

/** What tells an object from its owner's other revisions, fit for an annotation's name; `own` if it has nothing. */
export function hashOf(kind: RevisionKind, labels: Readonly<Record<string, string>> | null | undefined) {
  const found = revisionKinds[kind].hashLabels
    .map((label) => labels?.[label])
    .find((hash) => hash !== undefined && HASH.test(hash));
  return found ?? OWN_HASH;
}
