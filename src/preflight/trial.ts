import type { Mode } from '../pin/opt-in.ts';
import type { Check } from './check.ts';
import { entryName } from './webhook-configuration.ts';

/**
 * An image that no registry is asked for, since it is no reference: tagpin refuses it, or warns of it, by its own words
 * and at once. So its answer is told from everybody else's.
 */
const IMAGE = 'TAGPIN-PREFLIGHT';

/** A pod to have judged on a dry run. It meets the `restricted` pod security standard, and asks for next to nothing. */
export const trialPod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'tagpin-preflight' },
  spec: {
    automountServiceAccountToken: false,
    securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [
      {
        name: 'preflight',
        image: IMAGE,
        resources: { requests: { cpu: '1m', memory: '1Mi' }, limits: { cpu: '1m', memory: '1Mi' } },
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
      },
    ],
  },
};

/** How the API server judged the pod. */
export interface Judgement {
  /** Undefined if it would be admitted; of status 0 if there was no answer. */
  refusal: { status: number; message: string } | undefined;
  warnings: readonly string[];
}

/** Whether the API server has reached tagpin, by what it says of {@link trialPod}. */
export function trialCheck(mode: Mode, { refusal, warnings }: Judgement): Check {
  const name = 'call';
  const entry = entryName(mode);
  if (warnings.some((warning) => warning.includes(IMAGE))) {
    return {
      name,
      result: 'ok',
      detail: `a dry run in ${mode} was answered by tagpin, with a warning as it should be`,
    };
  }
  if (refusal === undefined) {
    return {
      name,
      result: 'problem',
      detail: `a dry run in ${mode} was admitted without tagpin's word: its calls fail and are passed over, or it isn't asked`,
    };
  }
  const { status, message } = refusal;
  if (message.includes(`admission webhook "${entry}" denied the request`) && message.includes(IMAGE)) {
    return {
      name,
      result: 'ok',
      detail: `a dry run in ${mode} was answered by tagpin, with a refusal as it should be`,
    };
  }
  if (message.includes('.tagpin.dev"')) {
    return {
      name,
      result: 'problem',
      detail: `${message}; look at tagpin's pods, its Service and the network between`,
    };
  }
  if (status === 0) return { name, result: 'unknown', detail: message };
  // It may have come before tagpin's turn: RBAC, a quota, another webhook.
  return { name, result: 'not asked', detail: `a dry run wasn't let through to tagpin: ${message}` };
}
