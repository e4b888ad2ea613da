import { type Clock, wait } from '../clock.ts';
import type { KubernetesApi, OwnerReference } from '../kubernetes/api.ts';
import { resources } from '../kubernetes/resources.ts';
import type { Logger } from '../telemetry/log.ts';
import { isConflict } from './certificate-store.ts';

/** `kubectl replace` removes the owner reference, which needn't be noticed at once. */
const CHECK_MS = 30_000;
const CHECK_TIMEOUT_MS = 10_000;

export interface OwnerReferenceParts {
  readonly api: KubernetesApi;
  /** The namespace that tagpin runs in. */
  readonly namespace: string;
  readonly webhookConfiguration: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Keeps tagpin's namespace the owner of the webhook configuration, so that the garbage collector deletes the
 * configuration with the namespace. Otherwise the deletion of just the namespace would leave the configuration behind,
 * and every pod in `enforce` would be refused because no webhook answers.
 *
 * The owner of a cluster-scoped object must be cluster-scoped too (kubernetes pkg/controller/garbagecollector,
 * "cluster-scoped dependents"). The namespace is the one such object of tagpin's that people delete by hand.
 *
 * Nothing depends on the reference while tagpin runs, so a failure is logged once and retried. Runs until `stop`
 * aborts, and then rejects.
 */
export async function keepOwnerReference(parts: OwnerReferenceParts, stop: AbortSignal): Promise<never> {
  const { clock, log, webhookConfiguration } = parts;
  let logged: string | undefined;
  for (;;) {
    try {
      await own(parts, AbortSignal.any([stop, AbortSignal.timeout(CHECK_TIMEOUT_MS)]));
      logged = undefined;
    } catch (error) {
      const problem = String(error);
      if (!stop.aborted && !isConflict(error) && problem !== logged) {
        log.warn(
          { err: error },
          `MutatingWebhookConfiguration ${webhookConfiguration} can't be tied to tagpin's namespace: to remove tagpin, delete it first`,
        );
        logged = problem;
      }
    }
    await wait(clock, CHECK_MS, stop);
  }
}

/** @throws KubernetesError */
async function own(
  { api, namespace, webhookConfiguration }: OwnerReferenceParts,
  signal: AbortSignal,
): Promise<void> {
  const found = await api.readMutatingWebhookConfiguration(webhookConfiguration, signal);
  if (found === undefined) return;
  const { uid } = (await api.readMetadata(resources.Namespace, undefined, namespace, signal)) ?? {};
  if (uid === undefined) return;
  const { ownerReferences, resourceVersion } = found.metadata;
  const isOurs = ({ kind, name }: OwnerReference) => kind === 'Namespace' && name === namespace;
  const owners = ownerReferences ?? [];
  if (owners.some((owner) => isOurs(owner) && owner.uid === uid)) return;
  const owner = { apiVersion: 'v1', kind: 'Namespace', name: namespace, uid };
  await api.patchMutatingWebhookConfiguration(
    webhookConfiguration,
    [
      { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion },
      // A reference to an earlier namespace of this name is replaced.
      {
        op: 'add',
        path: '/metadata/ownerReferences',
        value: [...owners.filter((each) => !isOurs(each)), owner],
      },
    ],
    signal,
  );
}
