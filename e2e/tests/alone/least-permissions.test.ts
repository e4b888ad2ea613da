import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { ready, startWebhookProcess } from '../../../test/support/webhook-process.ts';
import { readCluster } from '../../support/cluster.ts';
import { succeed } from '../../support/command.ts';
import { Images } from '../../support/images.ts';
import { installationOf } from '../../support/installation.ts';
import {
  createNamespace,
  type Manifest,
  type Namespace,
  podManifest,
  pullSecretManifest,
} from '../../support/namespace.ts';
import { nameOf, permissionsOf } from '../../support/permissions.ts';
import { on, podsOf } from '../../support/rollout.ts';
import { until } from '../../support/until.ts';
import { deployment, job, statefulSet } from '../../support/workload.ts';

const cluster = readCluster();
const { kubectl } = installationOf(cluster);
const images = new Images(cluster);
const permissions = permissionsOf(cluster);
/** These tests look only at admission. */
const pod = { schedulerName: 'none' };
const SOON_MS = 6_000;

/** Checks in a new namespace whether tagpin works. */
type Probe = (namespace: Namespace) => Promise<boolean>;

/** Whether a pod is created, and not an event that it was refused. */
async function comesUp(namespace: Namespace, pods = 1): Promise<boolean> {
  return await until('a pod or a refusal', async () => {
    if ((await podsOf(namespace, '')).length >= pods) return true;
    return (await on(namespace, 'get', 'events')).includes('FailedCreate') ? false : undefined;
  });
}

const comesFrom =
  (workload: (image: string) => Manifest): Probe =>
  async (namespace) => {
    const app = await images.push();
    await succeed(namespace.apply(workload(app.tagged)));
    return await comesUp(namespace);
  };

const secret = pullSecretManifest('pull', cluster.privateRegistry, cluster.account);
const account = {
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name: 'puller' },
  imagePullSecrets: [{ name: 'pull' }],
};

/** Whether an old template that is applied again gets the digests that its old revision stores. */
const goesBack =
  (workload: (image: string) => Manifest): Probe =>
  async (namespace) => {
    const [before, after] = await Promise.all([images.push(), images.push()]);
    for (const app of [before, after]) {
      await succeed(namespace.apply(workload(app.tagged)));
      await until('its revision', async () => {
        const kinds = 'replicasets,controllerrevisions';
        return (await on(namespace, 'get', kinds, '--output=json')).includes(app.tagged) || undefined;
      });
    }
    await images.remove(before);
    await sleep(2_000);
    const { code, stderr } = await namespace.apply(workload(before.tagged));
    return code === 0 && !stderr.includes('not found');
  };

let kubeconfig: string;
beforeAll(async () => {
  const folder = mkdtempSync(join(cluster.directory, 'permissions-'));
  const token = await succeed(kubectl('create', 'token', 'tagpin'));
  const text = await succeed(kubectl('config', 'view', '--raw', '--minify', '--output=json'));
  const users = z.looseObject({ users: z.array(z.object({ name: z.string() })) }).parse(JSON.parse(text));
  const as = { ...users, users: users.users.map(({ name }) => ({ name, user: { token } })) };
  kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, JSON.stringify(as), { mode: 0o600 });
});

/** Whether an additional replica, with tagpin's ServiceAccount, becomes ready and then satisfies `isSo`. */
async function starts(isSo: () => Promise<boolean> = async () => true): Promise<boolean> {
  await using replica = await startWebhookProcess({ folder: cluster.directory, kubeconfig });
  const isReady = await ready(replica, AbortSignal.timeout(SOON_MS)).then(
    () => true,
    () => false,
  );
  if (!isReady) return false;
  for (let tries = 0; tries < 20; tries++) {
    if (await isSo()) return true;
    await sleep(100);
  }
  return false;
}

const configuration = ['mutatingwebhookconfiguration', 'tagpin'];
/** The log may still be empty. */
const empty = (object: readonly string[], path: string, value: unknown) =>
  succeed(
    kubectl('patch', ...object, '--type=json', `--patch=${JSON.stringify([{ op: 'add', path, value }])}`),
  );

const servesWhatIsTrusted: Probe = async () => {
  await empty(configuration, '/webhooks/0/clientConfig/caBundle', '');
  return await starts();
};
const sharesItsCertificate: Probe = async () => {
  await empty(['secret', 'tagpin-certificate'], '/data', {});
  return await starts();
};
const goesWithItsNamespace: Probe = async () => {
  await empty(configuration, '/metadata/ownerReferences', []);
  return await starts(async () => {
    const text = await succeed(kubectl('get', ...configuration, '--output=json'));
    return text.includes('"ownerReferences"');
  });
};

/** The probe that needs a permission, and fails without it. */
const probes: Readonly<Record<string, Probe>> = {
  'tagpin-pull-secrets: get secrets': async (namespace) => {
    const app = await images.pushPrivate();
    const manifest = podManifest({
      image: app.tagged,
      spec: { ...pod, imagePullSecrets: [{ name: 'pull' }] },
    });
    await succeed(namespace.apply(secret));
    return (await namespace.apply(manifest)).code === 0;
  },
  'tagpin-pull-secrets: get serviceaccounts': async (namespace) => {
    const app = await images.pushPrivate();
    await succeed(namespace.apply(secret, account));
    const { code, stderr } = await namespace.apply(
      deployment(app.tagged, { pod: { ...pod, serviceAccountName: 'puller' }, replicas: 0 }),
    );
    return code === 0 && !stderr.includes('Warning');
  },
  'tagpin-revisions: get replicasets.apps': comesFrom((image) => deployment(image, { pod, replicas: 1 })),
  'tagpin-revisions: get controllerrevisions.apps': comesFrom((image) =>
    statefulSet(image, { pod, replicas: 1 }),
  ),
  'tagpin-revisions: get jobs.batch': comesFrom((image) => job(image, { pod })),
  'tagpin-revisions: list replicasets.apps': goesBack((image) => deployment(image, { replicas: 0 })),
  'tagpin-revisions: list controllerrevisions.apps': goesBack((image) => statefulSet(image, { replicas: 0 })),
  'tagpin-revisions: list pods': async (namespace) => {
    const app = await images.push();
    const label = (value: string) =>
      on(namespace, 'label', 'namespace', namespace.name, value, '--overwrite');
    await label('tagpin.dev/pin-');
    await succeed(namespace.apply(deployment(app.tagged, { pod, replicas: 1 })));
    await comesUp(namespace);
    await label('tagpin.dev/pin=enforce');
    await on(namespace, 'scale', 'deployment/web', '--replicas=2');
    return await comesUp(namespace, 2);
  },
  'tagpin-webhook-configuration: get mutatingwebhookconfigurations.admissionregistration.k8s.io':
    servesWhatIsTrusted,
  'tagpin-webhook-configuration: patch mutatingwebhookconfigurations.admissionregistration.k8s.io':
    servesWhatIsTrusted,
  'tagpin-certificate: patch secrets': sharesItsCertificate,
  'tagpin-namespace: get namespaces': goesWithItsNamespace,
};

test('every permission that tagpin has is tried', async () => {
  const all = (await permissions.all()).map(nameOf);
  expect(all.sort()).toEqual(Object.keys(probes).sort());
});

for (const [name, probe] of Object.entries(probes))
  test(`${name} is needed, and enough`, async () => {
    const permission = (await permissions.all()).find((each) => nameOf(each) === name);
    if (permission === undefined) throw new Error(`tagpin doesn't have it: ${name}`);
    const giveBack = await permissions.without(permission);
    try {
      await using namespace = await createNamespace(cluster, 'enforce');
      expect(await probe(namespace), 'without it').toBe(false);
    } finally {
      await giveBack();
    }
    await using namespace = await createNamespace(cluster, 'enforce');
    expect(await probe(namespace), 'with it').toBe(true);
  }, 120_000);
