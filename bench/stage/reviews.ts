import { podReview } from '../../test/support/admission.ts';

/** The namespace that opted in, by this label. */
export const NAMESPACE = 'shop';
export const OPTED_IN = { 'tagpin.dev/pin': 'enforce' };

/** Bytes of a review as they come from clusters. */
const REVIEW_SIZE = 6 * 1024;

/** The ReplicaSet that a pod is of; `web-<hash>` is its name. */
export interface Revision {
  readonly hash: string;
  readonly uid: string;
}

export interface PodOptions {
  readonly images: readonly string[];
  readonly namespace?: string;
  readonly revision?: Revision | undefined;
  /** Environment variables of each container, about 90 bytes each. */
  readonly variables?: number;
}

/** The review of a Deployment's pod, with all that a chart puts into one, as JSON of at least this size. */
export function reviewOf(pod: PodOptions, size = REVIEW_SIZE): string {
  const { namespace = NAMESPACE } = pod;
  const options = { namespace, username: 'system:serviceaccount:kube-system:replicaset-controller' };
  const short = JSON.stringify(podReview(podOf(pod), options)).length;
  return JSON.stringify(podReview(podOf(pod, Math.max(0, size - short)), options));
}

/** The pod of such a review, longer by so many characters. */
export function podOf({ images, namespace = NAMESPACE, revision, variables = 12 }: PodOptions, filling = 0) {
  const { hash, uid } = revision ?? { hash: '6d4cf56db6' };
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `web-${hash}`, uid, controller: true };
  const probe = { httpGet: { path: '/healthz', port: 8080, scheme: 'HTTP' }, periodSeconds: 10 };
  return {
    metadata: {
      namespace,
      generateName: `web-${hash}-`,
      labels: { 'app.kubernetes.io/name': 'web', 'pod-template-hash': hash },
      annotations: { 'prometheus.io/scrape': 'true', 'example.com/filling': 'x'.repeat(filling) },
      ...(revision && { ownerReferences: [{ ...owner, blockOwnerDeletion: true }] }),
    },
    spec: {
      containers: images.map((image, index) => ({
        name: `web-${index}`,
        image,
        env: Array.from({ length: variables }, (_, number) => ({
          name: `SETTING_${number}`,
          value: `value ${number} of this container, as long as such values are`,
        })),
        ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
        resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } },
        volumeMounts: [{ name: 'cache', mountPath: '/var/cache/web' }],
        readinessProbe: probe,
        livenessProbe: probe,
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
      })),
      volumes: [{ name: 'cache', emptyDir: {} }],
      tolerations: ['not-ready', 'unreachable'].map((taint) => ({
        key: `node.kubernetes.io/${taint}`,
        operator: 'Exists',
        effect: 'NoExecute',
        tolerationSeconds: 300,
      })),
      terminationGracePeriodSeconds: 30,
      dnsPolicy: 'ClusterFirst',
      schedulerName: 'default-scheduler',
    },
  };
}

/** The review as the API server sends it, headers and body. */
export function requestOf(body: string, { path, servername }: { path: string; servername: string }): string {
  return [
    `POST ${path} HTTP/1.1`,
    `Host: ${servername}:443`,
    'User-Agent: kube-apiserver-admission',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Accept: application/json, */*',
    'Content-Type: application/json',
    'Accept-Encoding: gzip',
    '',
    body,
  ].join('\r\n');
}

/** A Deployment's ReplicaSet, as its controller creates it. */
export function replicaSetOf(hash: string, images: readonly string[], namespace = NAMESPACE) {
  const { metadata, spec } = podOf({ images, namespace });
  const labels = { ...metadata.labels, 'pod-template-hash': hash };
  const selector = { matchLabels: labels };
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { namespace, name: `web-${hash}`, labels },
    spec: { replicas: 0, selector, template: { metadata: { labels }, spec } },
  };
}

/** A Deployment with all that a chart puts into one. */
export function deploymentOf(name: string, pod: PodOptions, replicas = 2) {
  const labels = { 'app.kubernetes.io/name': name };
  const template = { metadata: { labels }, spec: { ...podOf(pod).spec, terminationGracePeriodSeconds: 0 } };
  const spec = { replicas, selector: { matchLabels: labels }, template };
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, labels }, spec };
}
