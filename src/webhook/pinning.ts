import type { CredentialSources } from '../credentials/credential-sources.ts';
import { PodCredentials, pullIdentityOf } from '../credentials/pod-credentials.ts';
import type { PullSecrets } from '../credentials/pull-secrets.ts';
import type { KubernetesApi } from '../kubernetes/api.ts';
import type { Decided } from '../pin/decide.ts';
import type { PodSpec } from '../pin/pod.ts';
import type { PinSettings } from '../pin/settings.ts';
import { type PinnedImages, pinImages } from '../resolve/pin-images.ts';
import type { Resolver } from '../resolve/resolver.ts';
import type { PodRevision } from '../revision/pod-revision.ts';
import type { RevisionDigests } from '../revision/revision-digests.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';

/** What the handlers pin with. */
export interface PinningParts {
  resolver: Pick<Resolver, 'resolve'>;
  pullSecrets: Pick<PullSecrets, 'credentials'>;
  credentials: Pick<CredentialSources, 'find'>;
  revisions: Pick<RevisionDigests, 'of'>;
  kubernetes: Pick<KubernetesApi, 'list'>;
  probes: Pick<KubernetesApi, 'list'>;
  settings: PinSettings;
  log: Logger;
  metrics: Metrics;
}

/** The credentials that a pod, or the pods of a template, would pull with. */
export function credentialsOf(
  { credentials, pullSecrets }: Pick<PinningParts, 'credentials' | 'pullSecrets'>,
  namespace: string,
  spec: PodSpec,
  signal: AbortSignal,
): PodCredentials {
  const read = () => pullSecrets.credentials(pullIdentityOf(namespace, spec), signal);
  return new PodCredentials(credentials, read, signal);
}

/** Milliseconds. A new revision gets the digests of now, and the objects of one rollout are created within this. */
export const FRESH_MS = 2_000;

/**
 * Resolves the images of a template as they are now, with the credentials that its pods will have.
 *
 * @param revision the pods that are there already, which come first
 */
export function resolveTemplate(
  parts: PinningParts,
  namespace: string,
  spec: PodSpec,
  decided: readonly Decided[],
  signal: AbortSignal,
  revision?: PodRevision,
): Promise<PinnedImages> {
  return pinImages(decided, {
    resolver: parts.resolver,
    credentials: credentialsOf(parts, namespace, spec, signal),
    revision,
    maxAge: FRESH_MS,
    tenant: namespace,
    signal,
  });
}
