import { type Resource, resources } from './resources.ts';

const get = ({ name }: Resource) => ({ resource: name, method: 'GET' });
const patch = ({ name }: Resource) => ({ resource: name, method: 'PATCH' });

const { Secret, ServiceAccount, Pod, ReplicaSet, ControllerRevision, Job, Namespace } = resources;
const { MutatingWebhookConfiguration } = resources;

/** What the webhook asks of the API server: `rbac.yaml` in manifests/base and overlays/default grants no less, and no more. */
export const webhookCalls = [
  ...[Secret, ServiceAccount, Pod, ReplicaSet, ControllerRevision, Job, Namespace].map(get),
  get(MutatingWebhookConfiguration),
  patch(Secret),
  patch(MutatingWebhookConfiguration),
];
