import { z } from 'zod';
import type { Manifest, Namespace } from './namespace.ts';
import { daemonSet, job, replicaSet, statefulSet } from './workload.ts';

/** A pod, and the revision that stores digests for it. */
export interface KnownPod {
  readonly name: string;
  /** What controls the pod: a `StatefulSet`, `DaemonSet` or `CloneSet` with its ControllerRevision. */
  readonly of?: 'ReplicaSet' | 'Job' | 'StatefulSet' | 'DaemonSet' | 'CloneSet';
  /** Labels and annotations of the object that stores the digests. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly stored: Readonly<Record<string, string>>;
  /** Its annotations and spec; missing fields are {@link quiet}'s. */
  readonly annotations?: Readonly<Record<string, string>>;
  readonly spec: Manifest;
  /** Changes of the reference to its owner. */
  readonly owner?: Manifest;
  /** The containers and volumes that a policy leaves to the webhook; by default none. */
  readonly left?: 'all' | readonly string[];
}

/** A pod for admission only, without fields that the API server generates. */
const quiet = { automountServiceAccountToken: false, schedulerName: 'none' };
/** By digest, so that a revision stores only the pins of the test case. */
const image = `registry.example.com/template@sha256:${'0'.repeat(64)}`;
/** The hash of revisions that DaemonSets and CloneSets create. */
export const KNOWN_HASH = 'h4sh';
const CLONE_SET_UID = '7f1c1c9e-51b2-4a7e-8a53-1d1c33b0a0a0';

/** The manifest of a pod of an existing revision. */
export type PlacedPod = Manifest & { readonly metadata: Manifest };

const objectsSchema = z.object({
  items: z.array(z.object({ kind: z.string(), metadata: z.object({ name: z.string(), uid: z.string() }) })),
});

const nameOf = (index: number) => `known-${index}`;
const isOfRevision = (of: KnownPod['of']) => of === 'StatefulSet' || of === 'DaemonSet' || of === 'CloneSet';

/** The owner of the pods. Any pods that it creates itself are never scheduled. */
function ownerManifest({ of = 'ReplicaSet', labels, stored }: KnownPod, index: number): Manifest | undefined {
  const name = nameOf(index);
  const metadata = { name, labels, annotations: stored };
  switch (of) {
    case 'ReplicaSet':
      return { ...replicaSet(image, { name, replicas: 1, pod: quiet }), metadata };
    case 'Job':
      return { ...job(image, { name, pod: quiet, spec: { suspend: true } }), metadata };
    case 'StatefulSet':
      return statefulSet(image, { name, replicas: 0 });
    case 'DaemonSet':
      return daemonSet(image, { name, pod: { nodeSelector: { is: 'nowhere' } } });
    case 'CloneSet':
      return undefined;
  }
}

const revisionName = (index: number) => `${nameOf(index)}-${KNOWN_HASH}`;

function ownerReference({ of = 'ReplicaSet' }: KnownPod, index: number, uid: string) {
  const apiVersion = { Job: 'batch/v1', CloneSet: 'apps.kruise.io/v1alpha1' }[String(of)] ?? 'apps/v1';
  return { apiVersion, kind: of, name: nameOf(index), uid, controller: true };
}

/**
 * Creates the owners and revisions of all these pods in a namespace.
 *
 * @returns their manifests, with their owners' uids there
 */
export async function placeKnown(namespace: Namespace, known: readonly KnownPod[]): Promise<PlacedPod[]> {
  const apply = async (manifests: readonly Manifest[]) => {
    if (manifests.length === 0) return;
    const { code, stderr } = await namespace.apply(...manifests);
    if (code !== 0) throw new Error(stderr);
  };
  const owners = known.map(ownerManifest).filter((owner) => owner !== undefined);
  await apply(owners);
  const kinds = 'replicasets,jobs,statefulsets,daemonsets';
  const { stdout } = await namespace.kubectl(['get', kinds, '--output=json']);
  const uids = new Map(
    objectsSchema
      .parse(JSON.parse(stdout))
      .items.map(({ kind, metadata }) => [`${kind} ${metadata.name}`, metadata.uid]),
  );
  const references = known.map((each, index) =>
    ownerReference(each, index, uids.get(`${each.of ?? 'ReplicaSet'} ${nameOf(index)}`) ?? CLONE_SET_UID),
  );
  const revisions = known.flatMap(({ of, labels, stored }, index) =>
    isOfRevision(of)
      ? {
          apiVersion: 'apps/v1',
          kind: 'ControllerRevision',
          metadata: {
            name: revisionName(index),
            labels,
            annotations: stored,
            ownerReferences: [references[index]],
          },
          data: {},
          revision: 1,
        }
      : [],
  );
  await apply(revisions);
  return known.map(({ of, annotations, spec, owner }, index) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: nameOf(index),
      labels: podLabels(of, index),
      annotations,
      ownerReferences: [{ ...references[index], ...owner }],
    },
    spec: { ...quiet, ...spec },
  }));
}

/** The labels that their controllers set. */
function podLabels(of: KnownPod['of'] = 'ReplicaSet', index: number) {
  switch (of) {
    case 'ReplicaSet':
      return { app: nameOf(index) };
    case 'Job':
      return { 'batch.kubernetes.io/job-name': nameOf(index) };
    case 'StatefulSet':
      return { 'controller-revision-hash': revisionName(index) };
    case 'DaemonSet':
    case 'CloneSet':
      return { 'controller-revision-hash': KNOWN_HASH };
  }
}
