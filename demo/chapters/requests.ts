import type { Admission } from '../admission.ts';
import { isTally, type Tally, tallyHeads, tallyLine, tallyOf } from '../tally.ts';
import type { Stage } from './stage.ts';

/** The requests that the pods took, as the registries and the API server counted them. */
export function whatWasAsked(
  { report }: Stage,
  pods: Readonly<Record<'first' | 'replica' | 'later' | 'again' | 'own', Admission>>,
) {
  report.chapter('6. The requests it took, as counted by the registries and the API server');
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
  row('the new pod: the token is still valid', pods.later, { manifests: 1, all: 1 });
  row('the same manifest applied again: from the pod', pods.again, {});
  row('the private image: Basic', pods.own, { challenges: 1, manifests: 1, all: 2, secrets: 1, cluster: 1 });
}
