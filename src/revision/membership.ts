import type { ObjectMetadata } from '../kubernetes/api.ts';
import { isObjectName } from '../kubernetes/resources.ts';
import type { RevisionKind } from './kinds.ts';
import { labelSelector } from './selector.ts';

/** The part of a pod's metadata that says to which revision it belongs. */
export interface PodMetadata {
  labels?: Readonly<Record<string, string>> | null | undefined;
  ownerReferences?:
    | readonly {
        apiVersion: string;
        kind: string;
        name: string;
        uid: string;
        controller?: boolean | null | undefined;
      }[]
    | null
    | undefined;
}

/** The revision that a pod is of: what it shares with its siblings, and with no other pod. */
export interface Membership {
  namespace: string;
  /** The pod's controller. */
  owner: { kind: string; name: string; uid: string };
  /** The object that stores the revision's pins; undefined where the kind of owner has none. */
  stored: { kind: RevisionKind; name: string } | undefined;
  /** Selects the siblings, and perhaps other pods; undefined if nothing does. */
  readonly selector: string | undefined;
}

interface OwnerKind {
  group: string;
  kind: string;
  /** The object that stores the pins, for pods of that owner with that revision label. */
  stored(owner: string, revision: string | undefined): Membership['stored'];
}

/** Uids are UUIDs, of 36 characters (apimachinery pkg/util/uuid). */
const LONGEST_UID = 100;

export const REVISION_LABEL = 'controller-revision-hash';

const itself = (kind: 'ReplicaSet' | 'Job') => (name: string) => ({ kind, name });

/** The pod's label is the revision's name (kubernetes pkg/controller/statefulset/stateful_set_utils.go). */
const byName = (_owner: string, revision: string | undefined): Membership['stored'] =>
  revision ? { kind: 'ControllerRevision', name: revision } : undefined;

/** The pod's label is the end of the revision's name (kubernetes pkg/controller/daemon/util/daemonset_util.go). */
const byHash = (owner: string, revision: string | undefined): Membership['stored'] =>
  revision ? { kind: 'ControllerRevision', name: `${owner}-${revision}` } : undefined;

/** OpenKruise's CloneSet uses either, by its feature gate CloneSetShortHash (kruise pkg/controller/cloneset). */
const byNameOrHash = (owner: string, revision: string | undefined): Membership['stored'] =>
  revision?.startsWith(`${owner}-`) ? byName(owner, revision) : byHash(owner, revision);

/** The controllers whose pods are of revisions. Argo Rollouts own ReplicaSets, so they are covered. */
const owners: readonly OwnerKind[] = [
  { group: 'apps', kind: 'ReplicaSet', stored: itself('ReplicaSet') },
  { group: 'batch', kind: 'Job', stored: itself('Job') },
  { group: 'apps', kind: 'StatefulSet', stored: byName },
  { group: 'apps', kind: 'DaemonSet', stored: byHash },
  { group: 'apps.kruise.io', kind: 'StatefulSet', stored: byName },
  { group: 'apps.kruise.io', kind: 'DaemonSet', stored: byHash },
  { group: 'apps.kruise.io', kind: 'CloneSet', stored: byNameOrHash },
  { group: '', kind: 'ReplicationController', stored: () => undefined },
];

/**
 * The revision that a pod is of; undefined for a pod without a controller, or with one of an unknown kind. What a pod says of
 * its owner hasn't been validated: no such owner exists if no object can have its name or its uid.
 */
export function membershipOf(
  namespace: string,
  { labels, ownerReferences }: PodMetadata,
): Membership | undefined {
  const owner = ownerReferences?.find(({ controller }) => controller === true);
  if (owner === undefined) return undefined;
  const { kind, name, uid, apiVersion } = owner;
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
  const row = owners.find((candidate) => candidate.kind === kind && candidate.group === group);
  if (row === undefined || !isObjectName(name) || uid === '' || uid.length > LONGEST_UID) return undefined;
  const stored = row.stored(name, labels?.[REVISION_LABEL]);
  let selector: { text: string | undefined } | undefined;
  return {
    namespace,
    owner: { kind, name, uid },
    stored: stored !== undefined && isObjectName(stored.name) ? stored : undefined,
    // Computed when needed, because few pods need it.
    get selector() {
      selector ??= { text: selectorOf(labels ?? {}) };
      return selector.text;
    },
  };
}

/** The labels that controllers put on the pods of a revision to tell them from others. */
const SHARED_LABELS = [
  'pod-template-hash',
  'rollouts-pod-template-hash',
  REVISION_LABEL,
  'batch.kubernetes.io/controller-uid',
];

/**
 * What selects a pod's siblings: the labels that identify its revision. A pod of a bare ReplicaSet or a ReplicationController
 * has none of those, but has the labels of its template, and so do its siblings.
 */
function selectorOf(labels: Readonly<Record<string, string>>): string | undefined {
  const shared = Object.entries(labels).filter(([name]) => SHARED_LABELS.includes(name));
  return labelSelector(shared.length > 0 ? Object.fromEntries(shared) : labels);
}

/** Whether an object stores the pins of such pods. The uid decides, because a name can be used again. */
export function stores({ stored, owner }: Membership, metadata: ObjectMetadata): boolean {
  if (stored?.kind !== 'ControllerRevision') return metadata.uid === owner.uid;
  const controller = metadata.ownerReferences?.find((reference) => reference.controller === true);
  return controller?.uid === owner.uid;
}

/** A key for the revision, whether or not an object stores its pins. */
export function keyOf({ namespace, owner, stored, selector }: Membership): string {
  return [namespace, owner.uid, stored?.name ?? selector ?? ''].join(' ');
}
