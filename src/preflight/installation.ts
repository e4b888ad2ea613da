import { isNeverPinned, type Mode, neverPinned, OPT_IN_LABEL, optInMistake, optInOf } from '../pin/opt-in.ts';
import { type Asked, type Check, checkOf } from './check.ts';
import {
  entryName,
  entryOf,
  modesWithoutEntry,
  takesPart,
  type WebhookConfiguration,
} from './webhook-configuration.ts';

/** The namespace that preflight checks. */
export interface Subject {
  name: string;
  /** Undefined without permission to read them. */
  labels: Readonly<Record<string, string>> | undefined;
  /** tagpin's own namespace. */
  own: string;
}

/** Whether the namespace has opted in, or could. */
export function namespaceCheck(
  { name, labels, own }: Subject,
  configuration: WebhookConfiguration | undefined,
): Check {
  const check = 'namespace';
  const optIn = optInOf(labels);
  const mode = optIn.mode ?? 'enforce';
  const entry = configuration && entryOf(configuration, mode);
  const isOut = entry ? !takesPart(entry, mode, name, labels ?? {}) : isNeverPinned(name, own);
  if (isOut) return { name: check, result: 'problem', detail: neverPinned(name) };
  if (labels === undefined) {
    return {
      name: check,
      result: 'not asked',
      detail: `its labels can't be read: ask for get on namespaces`,
    };
  }
  const mistake = optInMistake(name, optIn);
  if (mistake !== undefined) return { name: check, result: 'problem', detail: mistake };
  if (optIn.mode === undefined) {
    return { name: check, result: 'note', detail: `not opted in: it has no label ${OPT_IN_LABEL}` };
  }
  return { name: check, result: 'ok', detail: `opted in: ${OPT_IN_LABEL}=${optIn.mode}` };
}

/** Whether the API server is configured to call tagpin. */
export function configurationCheck(
  name: string,
  asked: Asked<WebhookConfiguration | undefined>,
  { name: namespace, labels }: Subject,
): Check {
  const { mode } = optInOf(labels);
  return checkOf('webhook configuration', asked, (configuration) => {
    if (configuration === undefined) {
      return mode === undefined
        ? {
            result: 'note',
            detail: `there is no MutatingWebhookConfiguration ${name}: tagpin isn't installed`,
          }
        : {
            result: 'problem',
            detail:
              `there is no MutatingWebhookConfiguration ${name}, so the label of namespace ${namespace} does nothing; ` +
              "apply tagpin's manifests",
          };
    }
    const missing = modesWithoutEntry(configuration);
    if (missing.length > 0) {
      return {
        result: 'problem',
        detail: `${name} has no entry for ${missing.join(', ')}; apply tagpin's manifests again`,
      };
    }
    if (entryOf(configuration, 'enforce')?.failurePolicy !== 'Fail') {
      return {
        result: 'problem',
        detail: `the failurePolicy of enforce.tagpin.dev isn't Fail: while tagpin is down, pods start unpinned`,
      };
    }
    return { result: 'ok', detail: `${name} has an entry for each mode` };
  });
}

export interface ServiceEndpoints {
  service: string;
  exists: boolean;
  ready: number;
  all: number;
}

/** Whether the webhook's Service has ready pods. */
export function endpointsCheck(asked: Asked<ServiceEndpoints>): Check {
  return checkOf('service', asked, ({ service, exists, ready, all }) => {
    if (!exists) {
      return { result: 'problem', detail: `there is no Service ${service}; apply tagpin's manifests again` };
    }
    if (all === 0) {
      return {
        result: 'problem',
        detail: `Service ${service} has no pods; look at its Deployment, and at the events there`,
      };
    }
    if (ready === 0) {
      return {
        result: 'problem',
        detail: `none of the ${all} pods behind Service ${service} is ready; look at their logs`,
      };
    }
    return { result: 'ok', detail: `${ready} of ${all} pods behind Service ${service} are ready` };
  });
}

/**
 * An invalid reference, which tagpin refuses, or warns about, without asking a registry. The message quotes it, so that
 * tagpin's answer is recognized.
 */
const IMAGE = 'TAGPIN-PREFLIGHT';

/** A pod for a dry run. It meets the `restricted` pod security standard, and requests minimal resources. */
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

/** The API server's answer to the dry run. */
export interface DryRunResult {
  /** Undefined if the pod would be admitted; with status 0 if there was no answer. */
  refusal: { status: number; message: string } | undefined;
  warnings: readonly string[];
}

/** Whether the API server reached tagpin, by its answer about {@link trialPod}. */
export function trialCheck(mode: Mode, { refusal, warnings }: DryRunResult): Check {
  const name = 'call';
  const entry = entryName(mode);
  if (warnings.some((warning) => warning.includes(IMAGE))) {
    return {
      name,
      result: 'ok',
      detail: `tagpin answered a dry run in ${mode}, with a warning as expected`,
    };
  }
  if (refusal === undefined) {
    return {
      name,
      result: 'problem',
      detail: `a dry run in ${mode} was admitted without an answer from tagpin: calls fail and are ignored, or it isn't called`,
    };
  }
  const { status, message } = refusal;
  if (message.includes(`admission webhook "${entry}" denied the request`) && message.includes(IMAGE)) {
    return {
      name,
      result: 'ok',
      detail: `tagpin answered a dry run in ${mode}, with a refusal as expected`,
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
  // RBAC, a quota or another webhook may have refused it before tagpin was called.
  return { name, result: 'not asked', detail: `a dry run was refused before tagpin was called: ${message}` };
}
