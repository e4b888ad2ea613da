import type { Labels } from '../kubernetes/selector.ts';
import { type Mode, modes, OPT_IN_LABEL, optInMistake, optInOf } from '../pin/opt-in.ts';
import type { Finding } from './finding.ts';
import type { Call, Selection } from './selection.ts';

/** What a namespace's label really does, by the webhooks that the API server calls for its pods. */
export interface Effect {
  /** The mode in which its pods are pinned; undefined if they aren't, or if that isn't known. */
  mode: Mode | undefined;
  findings: readonly Finding[];
  notes: readonly string[];
}

/**
 * The mode in which a namespace's pods are pinned, and a finding if that isn't what its label says.
 *
 * @param labels the namespace's
 * @param selection undefined if the webhook configurations couldn't be read
 * @param modesOfPods those of its pods and templates, because a webhook's objectSelector may leave some of them out
 */
export function effectOf(
  namespace: string,
  labels: Labels,
  selection: Selection | undefined,
  modesOfPods: ReadonlySet<Mode | undefined>,
): Effect {
  const optIn = optInOf(labels);
  const label = labels[OPT_IN_LABEL];
  if (selection === undefined) {
    const mistake = optInMistake(namespace, optIn);
    return {
      mode: undefined,
      findings: mistake === undefined ? [] : mistyped(mistake),
      notes:
        optIn.mode === undefined ? [] : [`labelled ${optIn.mode}; whether that has an effect isn't known`],
    };
  }
  const calls = selection.callsFor(namespace, labels);
  const mode = strongest(calls);
  const notes = calls
    .filter(({ leftOutBy, webhook }) => leftOutBy === undefined && webhook.mode === mode)
    .flatMap(({ webhook, unknown }) =>
      unknown.map((name) => `matchCondition ${name} of webhook ${webhook.name} may leave pods out`),
    );
  if (modesOfPods.has(mode) && modesOfPods.size > 1) {
    notes.push('the objectSelector of its webhook leaves some of its pods out');
  }
  if (label === undefined) return { mode, findings: [], notes };
  if (mode !== undefined && modesOfPods.size > 0 && !modesOfPods.has(mode)) {
    const why = `the objectSelector of webhook ${mode}.tagpin.dev selects none of its pods`;
    return { mode: undefined, findings: [ineffective(namespace, label, why, 'correct the selector')], notes };
  }
  if (mode === optIn.mode && mode !== undefined) return { mode, findings: [], notes };
  const mistake = optInMistake(namespace, optIn);
  if (mistake !== undefined) return { mode, findings: mode === undefined ? mistyped(mistake) : [], notes };
  if (mode !== undefined) {
    const why = `the webhook configuration selects it for ${mode}`;
    return {
      mode,
      findings: [ineffective(namespace, label, why, 'correct the label or the selector')],
      notes,
    };
  }
  const [why, remedy] = reasonFor(optIn.mode, selection, calls);
  return { mode, findings: [ineffective(namespace, label, why, remedy)], notes };
}

const strongest = (calls: readonly Call[]) =>
  modes.find((mode) => calls.some((call) => call.leftOutBy === undefined && call.webhook.mode === mode));

/** A value that means nothing is a label without effect, too. */
const mistyped = (message: string): Finding[] => [
  { kind: 'label', message },
  { kind: 'ineffective', message },
];

const ineffective = (namespace: string, label: string, why: string, remedy: string): Finding => ({
  kind: 'ineffective',
  message: `namespace ${namespace} has the label ${OPT_IN_LABEL}=${label}, which has no effect: ${why}; ${remedy}`,
});

const unlabel = (what: string) => `${what}, or take the label away`;

/** Why no webhook is called for a namespace that has opted in, and what to do. */
function reasonFor(
  mode: Mode | undefined,
  { webhooks }: Selection,
  calls: readonly Call[],
): [string, string] {
  if (webhooks.length === 0) {
    return [
      'tagpin is not installed: no MutatingWebhookConfiguration has a webhook of it',
      unlabel("apply tagpin's manifests"),
    ];
  }
  const call = calls.find(({ webhook }) => webhook.mode === mode);
  if (call === undefined) {
    return [`there is no webhook for ${mode}`, "apply tagpin's manifests again"];
  }
  const { webhook, leftOutBy = '' } = call;
  const of = `webhook ${webhook.name} of MutatingWebhookConfiguration ${webhook.configuration}`;
  if (leftOutBy.startsWith('Service ')) {
    const then =
      webhook.failurePolicy === 'Ignore' ? 'its pods are admitted as they are' : 'its pods are refused';
    return [
      `there is no ${leftOutBy}, which ${of} calls: ${then}`,
      "apply tagpin's manifests again, or delete that configuration",
    ];
  }
  return [`${leftOutBy} of ${of} leaves it out`, unlabel('correct that')];
}
