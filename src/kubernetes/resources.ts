/** A kind of object, and where the API server has it. */
export interface Resource {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** Plural, as in paths and RBAC rules. */
  readonly name: string;
}

const core = (name: string): Resource => ({ group: '', version: 'v1', name });
const apps = (name: string): Resource => ({ group: 'apps', version: 'v1', name });
const batch = (name: string): Resource => ({ group: 'batch', version: 'v1', name });
const authorization = (name: string): Resource => ({ group: 'authorization.k8s.io', version: 'v1', name });
const admissionRegistration = (name: string): Resource => ({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  name,
});

/** The kinds that tagpin asks the API server for. */
export const resources = {
  Secret: core('secrets'),
  ServiceAccount: core('serviceaccounts'),
  Namespace: core('namespaces'),
  Node: core('nodes'),
  Pod: core('pods'),
  ReplicationController: core('replicationcontrollers'),
  Deployment: apps('deployments'),
  ReplicaSet: apps('replicasets'),
  StatefulSet: apps('statefulsets'),
  DaemonSet: apps('daemonsets'),
  ControllerRevision: apps('controllerrevisions'),
  Job: batch('jobs'),
  CronJob: batch('cronjobs'),
  Service: core('services'),
  EndpointSlice: { group: 'discovery.k8s.io', version: 'v1', name: 'endpointslices' },
  /** Argo's, where it is installed. */
  Rollout: { group: 'argoproj.io', version: 'v1alpha1', name: 'rollouts' },
  SubjectAccessReview: authorization('subjectaccessreviews'),
  SelfSubjectAccessReview: authorization('selfsubjectaccessreviews'),
  MutatingWebhookConfiguration: admissionRegistration('mutatingwebhookconfigurations'),
} as const satisfies Record<string, Resource>;

/**
 * The path of a resource's objects in a namespace, or of all without one, which may be because they are in none; with a
 * name, of that one.
 */
export function pathOf(resource: Resource, namespace: string | undefined, name?: string): string {
  const { group, version } = resource;
  const segments = [
    ...(group === '' ? ['api', version] : ['apis', group, version]),
    ...(namespace === undefined ? [] : ['namespaces', namespace]),
    resource.name,
    ...(name === undefined ? [] : [name]),
  ];
  return segments.map((segment) => `/${encodeURIComponent(segment)}`).join('');
}

/** Which resource a path of {@link pathOf} is about, its plural. */
export function resourceIn(path: string): string {
  const [root, ...segments] = path.replace(/\?.*/, '').split('/').slice(1);
  const [first = '', , third] = segments.slice(root === 'api' ? 1 : 2);
  return first === 'namespaces' && third !== undefined ? third : first;
}
