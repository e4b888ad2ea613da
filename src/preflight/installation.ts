import { isNeverPinned, neverPinned, OPT_IN_LABEL, optInMistake, optInOf } from '../pin/opt-in.ts';
import type { Asked, Check } from './check.ts';
import { checkOf } from './check.ts';
import { entryOf, modesWithoutEntry, takesPart, type WebhookConfiguration } from './webhook-configuration.ts';

/** The namespace that preflight is for. */
export interface Subject {
  name: string;
  /** Undefined if whoever asks may not read it. */
  labels: Readonly<Record<string, string>> | undefined;
  /** Where tagpin itself is. */
  own: string;
}

/** Whether the namespace takes part, or could. */
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

/** Whether the API server has been told to ask tagpin. */
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

export interface Endpoints {
  service: string;
  exists: boolean;
  ready: number;
  all: number;
}

/** Whether somebody is behind the webhook's Service. */
export function endpointsCheck(asked: Asked<Endpoints>): Check {
  return checkOf('service', asked, ({ service, exists, ready, all }) => {
    if (!exists) {
      return { result: 'problem', detail: `there is no Service ${service}; apply tagpin's manifests again` };
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
