import { createAuthority } from '../../test/support/authority.ts';
import type { Cluster } from './cluster.ts';
import { succeed } from './command.ts';
import type { Installation } from './installation.ts';
import { compose } from './kustomization.ts';
import { createNamespace, podManifest } from './namespace.ts';
import { processOf } from './processes.ts';
import { tagpinOf } from './tagpin.ts';
import { until } from './until.ts';

/** A way for tagpin to be of no use. */
export interface Absence {
  /** `while …` */
  readonly what: string;
  /** What the API server says then of a pod with an image by tag, under `enforce`. */
  readonly refusal: string;
  begin(): Promise<void>;
  /** Brings it back, and returns when it pins again. */
  end(): Promise<void>;
}

const CALL_FAILED = 'failed calling webhook "enforce.tagpin.dev"';
/** How many entries the webhook configuration has. */
const ENTRIES = 7;

/** For tests that have the cluster to themselves. */
export function absencesOf(cluster: Cluster, installation: Installation) {
  const { kubectl } = installation;
  const tagpin = tagpinOf(cluster);
  const patch = (kind: string, name: string, operations: readonly object[]) =>
    succeed(kubectl('patch', kind, name, '--type=json', `--patch=${JSON.stringify(operations)}`));
  const setBundles = (value: string | undefined) =>
    patch(
      'mutatingwebhookconfiguration',
      'tagpin',
      Array.from({ length: ENTRIES }, (_, index) => ({
        op: value === undefined ? 'remove' : 'replace',
        path: `/webhooks/${index}/clientConfig/caBundle`,
        value,
      })),
    );
  let stopped: number[] = [];

  const gone: Absence = {
    what: 'no replica is left',
    refusal: CALL_FAILED,
    begin: tagpin.stop,
    end: tagpin.start,
  };
  const hung: Absence = {
    what: 'all replicas hang',
    refusal: CALL_FAILED,
    async begin() {
      stopped = (await tagpin.recovered()).map(({ container }) => processOf(container));
      for (const id of stopped) process.kill(id, 'SIGSTOP');
    },
    async end() {
      for (const id of stopped) resume(id);
      await tagpin.recovered();
    },
  };
  const untrusted: Absence = {
    what: "its certificate isn't of the CA that the API server trusts",
    refusal: CALL_FAILED,
    async begin() {
      // Otherwise it would put its own CA back.
      const readOnly = [{ op: 'replace', path: '/rules/0/verbs', value: ['get'] }];
      await patch('clusterrole', 'tagpin-webhook-configuration', readOnly);
      const { caPem } = await createAuthority('another');
      await setBundles(Buffer.from(caPem).toString('base64'));
    },
    async end() {
      await setBundles(undefined);
      await installation.restore();
    },
  };
  const unconfigured: Absence = {
    what: 'its webhook configuration is deleted, and the guard in place',
    refusal: "ValidatingAdmissionPolicy 'tagpin-guard'",
    async begin() {
      const folder = compose(cluster, { base: installation.folder, components: ['guard'] });
      await succeed(kubectl('apply', '--kustomize', folder));
      await succeed(kubectl('delete', 'mutatingwebhookconfiguration', 'tagpin'));
      await untilGuarded(cluster);
    },
    async end() {
      const guard = [
        'validatingadmissionpolicy/tagpin-guard',
        'validatingadmissionpolicybinding/tagpin-guard',
      ];
      await succeed(kubectl('delete', ...guard));
      await installation.restore();
    },
  };
  return { gone, hung, untrusted, unconfigured };
}

/** The kubelet may have ended it meanwhile. */
function resume(id: number): void {
  try {
    process.kill(id, 'SIGCONT');
  } catch {
    return;
  }
}

async function untilGuarded(cluster: Cluster): Promise<void> {
  await using namespace = await createNamespace(cluster, 'enforce');
  const pod = JSON.stringify(
    podManifest({ image: 'registry.example.com/app:1', spec: { schedulerName: 'none' } }),
  );
  await until('the guard to refuse', async () => {
    const { stderr } = await namespace.kubectl(['create', '--dry-run=server', '--filename=-'], pod);
    return stderr.includes('ValidatingAdmissionPolicy') || undefined;
  });
}
