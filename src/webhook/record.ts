import { type Mode, modes } from '../pin/opt-in.ts';
import type { Pod } from '../pin/pod.ts';
import { failureLabels } from '../resolve/failure.ts';
import type { ImageOutcome } from '../resolve/pin-images.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { AdmissionRequest } from './review.ts';
import { shown } from './verdict.ts';

/** Has what alerts watch of images be there before one is counted. */
export function expectOutcomes({ images, lacking }: Metrics): void {
  for (const mode of modes) {
    lacking.inc({ mode }, 0);
    for (const reason of failureLabels) images.inc({ mode, outcome: 'failed', reason }, 0);
  }
}

/** Writes one line of log and counts one image for each outcome. What an update left alone is only counted. */
export function record(
  { log, metrics }: { log: Logger; metrics: Metrics },
  request: AdmissionRequest,
  pod: Pod,
  mode: Mode,
  outcomes: readonly ImageOutcome[],
): void {
  const subject = {
    namespace: request.namespace ?? '',
    pod: pod.metadata.name || `${pod.metadata.generateName ?? ''}*`,
    operation: request.operation,
    mode,
    ...(request.dryRun ? { dryRun: true } : {}),
  };
  for (const outcome of outcomes) {
    const { place, name, image } = outcome.field;
    const about = { ...subject, [place.replace(' ', '_')]: name, image: shown(image) };
    switch (outcome.result) {
      case 'left':
        metrics.images.inc({ mode, outcome: 'left', reason: outcome.reason });
        if (outcome.reason !== 'unchanged') log.info({ ...about, reason: outcome.reason }, 'left');
        break;
      case 'pinned': {
        const { pin, source, remarks = [], milliseconds } = outcome;
        metrics.images.inc({ mode, outcome: mode === 'audit' ? 'pinnable' : 'pinned', reason: source });
        const done = mode === 'audit' ? 'would be pinned' : 'pinned';
        const line = { ...about, digest: pin.digest, source, ms: milliseconds };
        if (remarks.length === 0) log.info(line, done);
        else log.warn({ ...line, remarks }, done);
        if (outcome.lacked) metrics.lacking.inc({ mode });
        break;
      }
      case 'failed': {
        const { failure, error, milliseconds } = outcome;
        metrics.images.inc({ mode, outcome: 'failed', reason: failure.label });
        log.warn({ ...about, reason: failure.label, ms: milliseconds, err: error }, 'not pinned');
        break;
      }
    }
  }
}

/** Writes a line and counts an image for each image of a revision that was to be resolved for its pods. */
export function recordRevision(
  { log, metrics }: { log: Logger; metrics: Metrics },
  { namespace, name, kind: { kind }, dryRun }: AdmissionRequest,
  outcomes: readonly ImageOutcome[],
): void {
  const subject = {
    namespace: namespace ?? '',
    revision: `${kind} ${name ?? ''}`,
    ...(dryRun && { dryRun }),
  };
  for (const outcome of outcomes) {
    const about = { ...subject, image: shown(outcome.field.image) };
    if (outcome.result === 'pinned') {
      const { pin, source, remarks = [], milliseconds } = outcome;
      metrics.revisionImages.inc({ kind, outcome: 'pinned', reason: source });
      const line = { ...about, digest: pin.digest, source, ms: milliseconds };
      if (remarks.length === 0) log.info(line, 'resolved for a revision');
      else log.warn({ ...line, remarks }, 'resolved for a revision');
    } else if (outcome.result === 'failed') {
      const { failure, error, milliseconds } = outcome;
      metrics.revisionImages.inc({ kind, outcome: 'failed', reason: failure.label });
      log.warn(
        { ...about, reason: failure.label, ms: milliseconds, err: error },
        'not resolved for a revision',
      );
    }
  }
}
