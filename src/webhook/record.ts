import { type Mode, modes } from '../pin/opt-in.ts';
import type { Pod } from '../pin/pod.ts';
import { failureLabels } from '../resolve/failure.ts';
import type { ImageOutcome } from '../resolve/pin-images.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { AdmissionRequest } from './review.ts';
import { shown } from './verdict.ts';

/** Initializes the counters of images that alerts watch to 0. */
export function expectOutcomes({ images, lacking, goneReplaced, otherDigests }: Metrics): void {
  goneReplaced.inc({ mode: 'best-effort' }, 0);
  for (const mode of modes) {
    lacking.inc({ mode }, 0);
    for (const outcome of ['kept', 'replaced']) otherDigests.inc({ mode, outcome }, 0);
    for (const reason of failureLabels) images.inc({ mode, outcome: 'failed', reason }, 0);
  }
}

/** Lines of log for one review. More images are counted, but not named. */
const MAX_LINES = 50;

/** The log of one review: after {@link MAX_LINES}, one line says how many more there would be. */
function boundedLog(log: Logger, subject: object) {
  let lines = 0;
  const bounded =
    (level: 'info' | 'warn') =>
    (line: object, message: string): void => {
      lines++;
      if (lines <= MAX_LINES) log[level](line, message);
    };
  return {
    info: bounded('info'),
    warn: bounded('warn'),
    end: () => lines > MAX_LINES && log.warn({ ...subject, more: lines - MAX_LINES }, 'more images'),
  };
}

/** Writes a line for a pod that is beyond a limit of {@link excessOf}, and counts it as an image that failed. */
export function recordExcess(
  { log, metrics }: { log: Logger; metrics: Metrics },
  request: AdmissionRequest,
  pod: Pod,
  mode: Mode,
  excess: string,
): void {
  metrics.images.inc({ mode, outcome: 'failed', reason: 'limit' });
  log.warn({ ...subjectOf(request, pod, mode), reason: 'limit', excess }, 'not pinned');
}

function subjectOf(request: AdmissionRequest, pod: Pod, mode: Mode) {
  return {
    namespace: request.namespace ?? '',
    pod: pod.metadata.name || `${pod.metadata.generateName ?? ''}*`,
    operation: request.operation,
    mode,
    ...(request.dryRun ? { dryRun: true } : {}),
  };
}

/** Writes one line of log and counts one image for each outcome. Images that an update leaves unchanged are only counted. */
export function record(
  parts: { log: Logger; metrics: Metrics },
  request: AdmissionRequest,
  pod: Pod,
  mode: Mode,
  outcomes: readonly ImageOutcome[],
): void {
  const { metrics } = parts;
  const subject = subjectOf(request, pod, mode);
  const log = boundedLog(parts.log, subject);
  for (const outcome of outcomes) {
    const { place, name, image } = outcome.field;
    const about = { ...subject, [place.replace(' ', '_')]: name, image: shown(image) };
    switch (outcome.result) {
      case 'left':
        metrics.images.inc({ mode, outcome: 'left', reason: outcome.reason });
        if (outcome.remarks !== undefined) {
          log.warn({ ...about, reason: outcome.reason, remarks: outcome.remarks }, 'left');
        } else if (outcome.reason !== 'unchanged') log.info({ ...about, reason: outcome.reason }, 'left');
        break;
      case 'pinned': {
        const { pin, source, remarks = [], milliseconds } = outcome;
        metrics.images.inc({ mode, outcome: mode === 'audit' ? 'pinnable' : 'pinned', reason: source });
        const done = mode === 'audit' ? 'would be pinned' : 'pinned';
        const line = { ...about, digest: pin.digest, source, ms: milliseconds };
        if (remarks.length === 0) log.info(line, done);
        else log.warn({ ...line, remarks }, done);
        if (outcome.lacked) metrics.lacking.inc({ mode });
        if (outcome.isReplacement) metrics.goneReplaced.inc({ mode });
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
  log.end();
}

/** Writes one line of log and counts one image for each image that was resolved for a revision. */
export function recordRevision(
  parts: { log: Logger; metrics: Metrics },
  { namespace, name, kind: { kind }, dryRun }: AdmissionRequest,
  outcomes: readonly ImageOutcome[],
): void {
  const { metrics } = parts;
  const subject = {
    namespace: namespace ?? '',
    revision: `${kind} ${name ?? ''}`,
    ...(dryRun && { dryRun }),
  };
  const log = boundedLog(parts.log, subject);
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
  log.end();
}
