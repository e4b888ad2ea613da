import { podReview } from '../test/support/admission.ts';
import { NAMESPACE } from './stage.ts';

/** Bytes of a review as they come from clusters. */
export const REVIEW_SIZE = 6 * 1024;

export interface ReviewOptions {
  readonly images: readonly string[];
  readonly namespace?: string;
  /** The ReplicaSet that the pod is of, by its uid; `web-<hash>` is its name. */
  readonly replicaSet?: { readonly hash: string; readonly uid: string };
  /** It is made at least this long. */
  readonly size?: number;
}

/** The review of a Deployment's pod, with all that a chart puts into one, as JSON. */
export function reviewOf({ size = REVIEW_SIZE, ...about }: ReviewOptions): string {
  const { namespace = NAMESPACE } = about;
  const options = { namespace, username: 'system:serviceaccount:kube-system:replicaset-controller' };
  const short = JSON.stringify(podReview(podOf(about), options)).length;
  return JSON.stringify(podReview(podOf(about, Math.max(0, size - short)), options));
}

/** The pod of such a review, longer by so many characters. */
export function podOf(
  { images, namespace = NAMESPACE, replicaSet }: Omit<ReviewOptions, 'size'>,
  filling = 0,
) {
  const hash = replicaSet?.hash ?? '6d4cf56db6';
  const owner = {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    name: `web-${hash}`,
    uid: replicaSet?.uid,
    controller: true,
    blockOwnerDeletion: true,
  };
  return {
    metadata: {
      namespace,
      generateName: `web-${hash}-`,
      labels: {
        'app.kubernetes.io/name': 'web',
        'app.kubernetes.io/instance': 'shop',
        'pod-template-hash': hash,
      },
      annotations: { 'prometheus.io/scrape': 'true', 'example.com/filling': 'x'.repeat(filling) },
      ...(replicaSet && { ownerReferences: [owner] }),
    },
    spec: {
      containers: images.map(containerOf),
      volumes: [
        { name: 'kube-api-access', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } },
      ],
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

function containerOf(image: string, index: number) {
  const probe = {
    httpGet: { path: '/healthz', port: 8080, scheme: 'HTTP' },
    periodSeconds: 10,
    failureThreshold: 3,
  };
  return {
    name: `web-${index}`,
    image,
    env: Array.from({ length: 12 }, (_, number) => ({
      name: `SETTING_${number}`,
      value: `value ${number} of this container, as long as such values are`,
    })),
    ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
    resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } },
    volumeMounts: [{ name: 'kube-api-access', readOnly: true, mountPath: '/var/run/secrets/kubernetes.io' }],
    readinessProbe: probe,
    livenessProbe: probe,
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
  };
}

/** The review as the API server sends it. */
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
