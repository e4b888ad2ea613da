import type { KubernetesApi, OwnerReference } from '../kubernetes/api.ts';
import { resources } from '../kubernetes/resources.ts';
import type { Logger } from '../telemetry/log.ts';
import { isOvertaken } from './certificate-store.ts';
import type { WallClock } from './served-certificate.ts';

/** Applied again by `kubectl replace`, the configuration has lost its owner. That needn't be noticed at once. */
const CHECK_MS = 30_000;
const CHECK_TIMEOUT_MS = 10_000;

export interface OwnershipParts {
  readonly api: KubernetesApi;
  /** The namespace that tagpin runs in. */
  readonly namespace: string;
  readonly webhookConfiguration: string;
  readonly clock: WallClock;
  readonly log: Logger;
}

/**
 * Has the webhook configuration go with the namespace that tagpin runs in. Else, where somebody removes tagpin by
 * deleting just that, it would stay and have every pod of `enforce` refused, with nobody there to be asked.
 *
 * The namespace becomes its owner, so that Kubernetes' garbage collector deletes it. An owner in no namespace can
 * only be something that is in none itself (kubernetes pkg/controller/garbagecollector, "cluster-scoped dependents"),
 * and of tagpin's own objects that is the one which people delete by hand.
 *
 * Nothing depends on it while tagpin is there: what goes wrong is logged once, and tried again. Goes on until `stop`,
 * and rejects then.
 */
export async function keepOwned(parts: OwnershipParts, stop: AbortSignal): Promise<never> {
  const { clock, log, webhookConfiguration } = parts;
  let told: string | undefined;
  for (;;) {
    try {
      await own(parts, AbortSignal.any([stop, AbortSignal.timeout(CHECK_TIMEOUT_MS)]));
      told = undefined;
    } catch (error) {
      const problem = String(error);
      if (!stop.aborted && !isOvertaken(error) && problem !== told) {
        log.warn(
          { err: error },
          `MutatingWebhookConfiguration ${webhookConfiguration} can't be tied to tagpin's namespace: to remove tagpin, delete it first`,
        );
        told = problem;
      }
    }
    await clock.wait(CHECK_MS, stop);
  }
}

/** @throws KubernetesError */
async function own(
  { api, namespace, webhookConfiguration }: OwnershipParts,
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
      // A namespace of this name that was before is none any more.
      {
        op: 'add',
        path: '/metadata/ownerReferences',
        value: [...owners.filter((each) => !isOurs(each)), owner],
      },
    ],
    signal,
  );
}
