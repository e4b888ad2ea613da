import { type Mode, modes } from '../pin/opt-in.ts';
import type { PinningParts } from './pinning.ts';
import { createPodHandler } from './pod.ts';
import type { AdmissionRequest, Verdict } from './review.ts';
import { createRevisionHandler } from './revision.ts';
import { createWorkloadHandler } from './workload.ts';

/** A path that the API server calls. */
export interface Route {
  path: string;
  handle(request: AdmissionRequest, signal: AbortSignal): Promise<Verdict>;
  /** The verdict when the handler itself fails. */
  failed: Verdict;
}

const podPath = (mode: Mode) => `/pin/${mode}`;
const REVISION_PATH = '/revision';
const workloadPath = (mode: Mode) => `/workload/${mode}`;

/** All paths of the webhook, as in `manifests/base/webhook.yaml`. */
export const routePaths = [...modes.map(podPath), REVISION_PATH, ...modes.map(workloadPath)];

/** What the webhook does on each path. */
export function createRoutes(parts: PinningParts): Route[] {
  const pod = createPodHandler(parts);
  const workload = createWorkloadHandler(parts);
  return [
    ...modes.map((mode) => ({
      path: podPath(mode),
      handle: (request: AdmissionRequest, signal: AbortSignal) => pod(request, mode, signal),
      failed: failedOnPod(mode),
    })),
    { path: REVISION_PATH, handle: createRevisionHandler(parts), failed: { allowed: true } },
    ...modes.map((mode) => ({
      path: workloadPath(mode),
      handle: (request: AdmissionRequest, signal: AbortSignal) => workload(request, mode, signal),
      failed: { allowed: true },
    })),
  ];
}

function failedOnPod(mode: Mode): Verdict {
  const message = "tagpin failed on this pod; look at tagpin's log";
  return mode === 'enforce' ? { allowed: false, code: 500, message } : { allowed: true, warnings: [message] };
}
