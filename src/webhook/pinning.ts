import type { Config } from '../config.ts';
import type { Credentials } from '../credentials/credentials.ts';
import type { PullSecrets } from '../credentials/pull-secrets.ts';
import type { KubernetesApi } from '../kubernetes/api.ts';
import type { Rules } from '../pin/decide.ts';
import { type Mode, modes } from '../pin/mode.ts';
import type { PatchOptions } from '../pin/patch.ts';
import type { Resolver } from '../resolve/resolver.ts';
import type { RevisionDigests } from '../revision/revision-digests.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';

/** What the configuration says of pinning. */
export interface PinSettings extends PatchOptions {
  /** Globs of images that are left alone in every namespace. */
  skip: readonly string[];
  /** The modes in which a pod's own `tagpin.dev/skip` counts. */
  honourSkipAnnotationIn: readonly Mode[];
}

export function pinSettings({ pin }: Config): PinSettings {
  return { ...pin, honourSkipAnnotationIn: pin.skipAnnotation };
}

/**
 * The rules for the template of a revision. A skip annotation that doesn't count in every mode needs the pins in some,
 * and there is only one set for all.
 */
export function revisionRules({ skip, honourSkipAnnotationIn }: PinSettings): Rules {
  return { skip, honourSkipAnnotation: modes.every((mode) => honourSkipAnnotationIn.includes(mode)) };
}

/** What the handlers pin with. */
export interface PinningParts {
  resolver: Pick<Resolver, 'resolve'>;
  pullSecrets: Pick<PullSecrets, 'credentials'>;
  credentials: Pick<Credentials, 'find'>;
  revisions: Pick<RevisionDigests, 'digestOf'>;
  kubernetes: Pick<KubernetesApi, 'list'>;
  settings: PinSettings;
  log: Logger;
  metrics: Metrics;
}

/** Far more than any pod that runs has to be resolved, and few enough to be answered in time. */
export const MAX_IMAGES = 500;
