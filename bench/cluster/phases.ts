import { step } from '../../e2e/support/step.ts';
import { until } from '../../e2e/support/until.ts';
import type { Registry } from '../../test/support/registry/registry.ts';
import type { Figure } from '../figures.ts';
import { cpuOf, residentOf } from '../stage/process.ts';
import { Samples } from './samples.ts';
import type { ClusterStage } from './stage.ts';

const POLL_MS = 3_000;
const LONGEST_MS = 30 * 60_000;

/** What there is to be seen of a cluster at one moment. */
async function look({ replicas, api }: ClusterStage) {
  const texts = replicas.map(async ({ healthPort }) =>
    (await fetch(`http://127.0.0.1:${healthPort}/metrics`)).text(),
  );
  const apiServer = new Samples(await api.get('/metrics'));
  const created = ['verb="POST"', 'resource="pods"', 'subresource=""', 'code="201"'];
  return {
    at: performance.now(),
    apiServer,
    podsCreated: apiServer.sum('apiserver_request_total', ...created),
    tagpin: new Samples(...(await Promise.all(texts))),
    /** Milliseconds of a core that tagpin's replicas have used together. */
    cpu: replicas.reduce((sum, { pid }) => sum + cpuOf(pid), 0),
  };
}

/**
 * Does something to a cluster, waits until all pods that it leads to have been created, and says what that asks of whom.
 *
 * @param pods how many are created
 */
export async function measurePhase(
  name: string,
  stage: ClusterStage,
  registry: Registry,
  pods: number,
  work: () => Promise<void>,
): Promise<Figure> {
  registry.requests.clear();
  const before = await look(stage);
  const end = await step(name, async () => {
    await work();
    const done = async () => {
      const now = await look(stage);
      return now.podsCreated - before.podsCreated >= pods ? now : undefined;
    };
    return await until(`${name}: all pods created`, done, { timeout: LONGEST_MS, every: POLL_MS });
  });
  const grown = (from: 'apiServer' | 'tagpin', metric: string, ...labels: string[]) =>
    end[from].sum(metric, ...labels) - before[from].sum(metric, ...labels);
  const reviewed = (label: string) => grown('tagpin', 'tagpin_admission_requests_total', label);
  const asked = (verb: string, resource: string) =>
    grown('apiServer', 'apiserver_request_total', `verb="${verb}"`, `resource="${resource}"`);
  const webhook = (what: 'sum' | 'count') =>
    grown('apiServer', `apiserver_admission_webhook_admission_duration_seconds_${what}`, 'tagpin.dev"');
  const resident = stage.replicas.map(({ pid }) => residentOf(pid));
  const podsCreated = end.podsCreated - before.podsCreated;
  const detail = {
    'pods created': podsCreated,
    'reviews of pods': reviewed('path="/pin/'),
    'of revisions': reviewed('path="/revision"'),
    'of workloads': reviewed('path="/workload/'),
    denied: reviewed('outcome="denied"'),
    'sent back (503)': grown('tagpin', 'tagpin_admission_shed_total'),
    'ms for a review, as the API server sees it': (webhook('sum') / webhook('count')) * 1000,
    'ms CPU of tagpin for a review': (end.cpu - before.cpu) / reviewed(''),
    'registry requests': registry.requests.count(),
    'of them challenges': registry.requests.count(({ status }) => status === 401),
    'ReplicaSets read': asked('GET', 'replicasets'),
    'lists of ReplicaSets': asked('LIST', 'replicasets'),
    'Secrets read': asked('GET', 'secrets'),
    'ServiceAccounts read': asked('GET', 'serviceaccounts'),
    'lists of pods': asked('LIST', 'pods'),
    'MiB of the larger replica': Math.max(...resident.map(({ now }) => now)),
    'at most': Math.max(...resident.map(({ most }) => most)),
  };
  return { name, value: (podsCreated / (end.at - before.at)) * 1000, unit: 'pods/s', detail };
}
