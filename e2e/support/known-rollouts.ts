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
   * Installs it over what is there, for namespaces that enforce, or for those that {@link letTakePart} labels. Returns
   * when the API server applies it.
   */
  install(namespaces?: 'labelled'): Promise<void>;
  letTakePart(namespace: Namespace): Promise<void>;
  /** Tells the policies what the configuration says: their first settings, as CEL. They take it a moment later, that for Jobs last. */
  configure(settings: readonly string[]): Promise<void>;
  /**
   * Has no namespace take part. Without its bindings, the API server would stop to watch the parameters, and not start
   * again (kubernetes #130887).
   */
  rest(): Promise<void>;
}

const LABEL = 'tagpin.dev/known-rollouts';

/** Has namespaces take part by a label of their own, as docs/install.md says. */
const select = (value: string): Manifest => ({
  target: { kind: 'MutatingAdmissionPolicyBinding' },
  patch: stringify([
    {
      op: 'replace',
      path: '/spec/matchResources/namespaceSelector',
      value: { matchLabels: { [LABEL]: value } },
    },
  ]),
});

export function knownRolloutsOf(cluster: Cluster, { folder, kubectl }: Installation): KnownRollouts {
  const letTakePart = async ({ kubectl, name }: Namespace) =>
    void (await succeed(kubectl(['label', 'namespace', name, `${LABEL}=true`])));
  return {
    letTakePart,
    async install(namespaces) {
      const patches = namespaces === 'labelled' ? [select('true')] : [];
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
    async rest() {
      const composed = compose(cluster, {
        base: folder,
        components: ['known-rollouts'],
        patches: [select('nowhere')],
      });
      await succeed(kubectl('apply', '--kustomize', composed));
    },
  };
}
