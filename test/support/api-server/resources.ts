/** A kind of object and its path in the API. */
export interface Resource {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** Plural, lower case. */
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/** The kinds that this API server has. A new one needs only a row here. */
export const resources: readonly Resource[] = [
  ...kinds('', 'v1', {
    Secret: 'secrets',
    ServiceAccount: 'serviceaccounts',
    ConfigMap: 'configmaps',
    Pod: 'pods',
    PodTemplate: 'podtemplates',
    ReplicationController: 'replicationcontrollers',
    Event: 'events',
    Service: 'services',
  }),
  ...kinds('', 'v1', { Namespace: 'namespaces', Node: 'nodes' }, false),
  ...kinds('apps', 'v1', {
    Deployment: 'deployments',
    ReplicaSet: 'replicasets',
    StatefulSet: 'statefulsets',
    DaemonSet: 'daemonsets',
    ControllerRevision: 'controllerrevisions',
  }),
  ...kinds('batch', 'v1', { Job: 'jobs', CronJob: 'cronjobs' }),
  ...kinds('discovery.k8s.io', 'v1', { EndpointSlice: 'endpointslices' }),
  ...kinds('argoproj.io', 'v1alpha1', { Rollout: 'rollouts' }),
  ...kinds(
    'authorization.k8s.io',
    'v1',
    { SubjectAccessReview: 'subjectaccessreviews', SelfSubjectAccessReview: 'selfsubjectaccessreviews' },
    false,
  ),
  ...kinds('coordination.k8s.io', 'v1', { Lease: 'leases' }),
  ...kinds(
    'admissionregistration.k8s.io',
    'v1',
    {
      MutatingWebhookConfiguration: 'mutatingwebhookconfigurations',
      ValidatingWebhookConfiguration: 'validatingwebhookconfigurations',
    },
    false,
  ),
];

function kinds(
  group: string,
  version: string,
  names: Readonly<Record<string, string>>,
  namespaced = true,
): Resource[] {
  return Object.entries(names).map(([kind, name]) => ({ group, version, name, kind, namespaced }));
}

/** `v1`, `apps/v1` */
export function apiVersionOf({ group, version }: Pick<Resource, 'group' | 'version'>): string {
  return group === '' ? version : `${group}/${version}`;
}

/** As messages name it: `secrets`, `replicasets.apps` */
export function qualifiedName({ group, name }: Resource): string {
  return group === '' ? name : `${name}.${group}`;
}

export function resourceOfKind(apiVersion: string, kind: string): Resource {
  const found = resources.find((resource) => resource.kind === kind && apiVersionOf(resource) === apiVersion);
  if (found === undefined)
    throw new Error(`there is no row for ${apiVersion} ${kind} in the table of resources`);
  return found;
}
