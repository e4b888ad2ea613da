import { stringify } from 'yaml';
import type { Cluster } from './cluster.ts';
import { succeed } from './command.ts';
import type { Installation } from './installation.ts';
import { compose } from './kustomization.ts';
import { createNamespace, type Manifest, type Namespace } from './namespace.ts';
import { until } from './until.ts';
import { job } from './workload.ts';

/** The component known-rollouts, for tests that have the cluster to themselves. */
export interface KnownRollouts {
  /**
   * Installs it beside what is there, for namespaces that enforce, or for those that {@link letTakePart} says. Returns
   * when the API server goes by it.
   */
  install(namespaces?: 'labelled'): Promise<void>;
  letTakePart(namespace: Namespace): Promise<void>;
  /** Tells the policies what the configuration says: their first settings, as CEL. They take it a moment later, that for Jobs last. */
  configure(settings: readonly string[]): Promise<void>;
  remove(): Promise<void>;
}

const LABEL = 'tagpin.dev/known-rollouts';

/** What docs/install.md says of namespaces with a label of their own. */
const labelledAlone: Manifest = {
  target: { kind: 'MutatingAdmissionPolicyBinding' },
  patch: stringify([
    {
      op: 'replace',
      path: '/spec/matchResources/namespaceSelector',
      value: { matchLabels: { [LABEL]: 'true' } },
    },
  ]),
};

export function knownRolloutsOf(cluster: Cluster, { folder, kubectl }: Installation): KnownRollouts {
  const letTakePart = async ({ kubectl, name }: Namespace) =>
    void (await succeed(kubectl(['label', 'namespace', name, `${LABEL}=true`])));
  return {
    letTakePart,
    async install(namespaces) {
      const patches = namespaces === 'labelled' ? [labelledAlone] : [];
      const composed = compose(cluster, { base: folder, components: ['known-rollouts'], patches });
      await succeed(kubectl('apply', '--kustomize', composed));
      await using namespace = await createNamespace(cluster, 'enforce');
      await letTakePart(namespace);
      const probe = JSON.stringify(job('registry.example.com/app:1', { spec: { suspend: true } }));
      await until('the policies to be at work', async () => {
        const create = ['create', '--dry-run=server', '--output=yaml', '--filename=-'];
        const { stdout } = await namespace.kubectl(create, probe);
        return stdout.includes('tagpin.dev/live: "true"') || undefined;
      });
    },
    async configure(settings) {
      const operations = settings.map((value, index) => ({
        op: 'replace',
        path: `/spec/variables/${index + 1}/expression`,
        value,
      }));
      const policies = ['replicasets', 'controllerrevisions', 'jobs'].map((kind) => `tagpin-known-${kind}`);
      const patch = `--patch=${JSON.stringify(operations)}`;
      await succeed(kubectl('patch', 'mutatingadmissionpolicies', ...policies, '--type=json', patch));
    },
    async remove() {
      const kinds = 'mutatingadmissionpolicybindings,mutatingadmissionpolicies';
      await succeed(kubectl('delete', kinds, '--selector=app.kubernetes.io/name=tagpin'));
    },
  };
}
