/** A resource of the API server: where its objects are found. */
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

/** The resources that tagpin reads or writes, by kind. */
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

/** An RFC 1123 subdomain (apimachinery pkg/util/validation/validation.go, `IsDNS1123Subdomain`). */
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LONGEST_NAME = 253;

/**
 * Whether an object of {@link resources}, or a namespace, can have this name. The API server validates the names of all
 * of them as subdomains. That excludes `.`, `..`, `/` and `%`, which a path can't have either (apimachinery
 * pkg/api/validation/path/name.go, `IsValidPathSegmentName`): they would lead to another object, or to a list.
 */
export function isObjectName(name: string): boolean {
  return name.length <= LONGEST_NAME && SUBDOMAIN.test(name);
}

/**
 * The path of a resource's objects: of those in a namespace, of all of them without one, or of the one with that name.
 * `undefined` where no object can have the name, so that nothing is to be asked.
 */
export function pathOf(resource: Resource, namespace: string | undefined, name?: string): string | undefined {
  const names = [namespace, name].filter((each) => each !== undefined);
  if (!names.every(isObjectName)) return undefined;
  const { group, version } = resource;
  const segments = [
    ...(group === '' ? ['api', version] : ['apis', group, version]),
    ...(namespace === undefined ? [] : ['namespaces', namespace]),
    resource.name,
    ...(name === undefined ? [] : [name]),
  ];
  return segments.map((segment) => `/${segment}`).join('');
}

/** The plural of the resource in a path of {@link pathOf}. */
export function resourceIn(path: string): string {
  const [root, ...segments] = path.replace(/\?.*/, '').split('/').slice(1);
  const [first = '', , third] = segments.slice(root === 'api' ? 1 : 2);
  return first === 'namespaces' && third !== undefined ? third : first;
}
