import type { Admission } from '../admission.ts';
import { isTally, type Tally, tallyHeads, tallyLine, tallyOf } from '../tally.ts';
import type { Stage } from './stage.ts';

/** How often the registry and the API server were asked on the way, counted by themselves. */
export function whatWasAsked(
  { report }: Stage,
  pods: Readonly<Record<'first' | 'replica' | 'later' | 'again' | 'own', Admission>>,
) {
  report.chapter('6. What was asked for it, as the registries and the API server counted');
  const row = (claim: string, { asked }: Admission, expected: Partial<Tally>) => {
    const tally = tallyOf(asked);
    report.claim(claim, isTally(tally, expected), tallyLine(tally));
  };
  report.heads(tallyHeads);
  row('the first pod', pods.first, {
    challenges: 1,
    tokens: 1,
    manifests: 1,
    all: 3,
    serviceAccounts: 1,
    cluster: 1,
  });
  row('its replica: from the cache', pods.replica, {});
  row('the new pod: the token is still good', pods.later, { manifests: 1, all: 1 });
  row('the manifest applied again: from the pod', pods.again, {});
  row('the private image: Basic', pods.own, { challenges: 1, manifests: 1, all: 2, secrets: 1, cluster: 1 });
}
