import { podOf } from '../reviews.ts';

const GIB = 1024 ** 3;
/** Far more than any kubelet takes, so that what is measured isn't the scheduler looking for room. */
const room = { cpu: '1000', memory: `${1000 * GIB}`, pods: '1000' };

/** A node that kwok keeps ready, as JSON. */
export function nodeOf(name: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, annotations: { 'kwok.x-k8s.io/node': 'fake' } },
    status: { allocatable: room, capacity: room },
  });
}

/** A Deployment of one container, with all that a chart puts into one, as JSON. */
export function deploymentOf(number: number, namespace: string, reference: string, pods: number): string {
  const labels = { app: `web-${number}` };
  const { spec } = podOf({ images: [reference], namespace });
  return JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace, name: `web-${number}` },
    spec: {
      replicas: pods,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { ...spec, terminationGracePeriodSeconds: 0 } },
    },
  });
}

/** What makes a Deployment roll out, as `kubectl rollout restart` does it. */
export const rolloutRestart = (at: string) =>
  JSON.stringify({
    spec: { template: { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': at } } } },
  });

/** A namespace's login, called `login`. */
export function pullSecretOf(namespace: string, registry: string, username: string, password: string) {
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace, name: 'login' },
    type: 'kubernetes.io/dockerconfigjson',
    stringData: { '.dockerconfigjson': JSON.stringify({ auths: { [registry]: { auth } } }) },
  };
}
