import { expect, test } from 'vitest';
import { readCluster } from '../../support/cluster.ts';
import { succeed } from '../../support/command.ts';
import { Images } from '../../support/images.ts';
import { installationOf } from '../../support/installation.ts';
import {
  createNamespace,
  type Manifest,
  type Mode,
  podManifest,
  pullSecretManifest,
} from '../../support/namespace.ts';
import { tagpinOf } from '../../support/tagpin.ts';
import { type Answer, type Tenant, tenantOf } from '../../support/tenant.ts';

const cluster = readCluster();
const images = new Images(cluster);
const tagpin = tagpinOf(cluster);
const { kubectl } = installationOf(cluster);
/** Nothing but admission is looked at. */
const schedulerName = 'none';

/** Other tenants, each with a private image and the pull secret for it. */
async function others(count: number) {
  const scope = new AsyncDisposableStack();
  const tenants = await Promise.all(
    Array.from({ length: count }, async () => {
      const namespace = scope.use(await createNamespace(cluster, 'enforce'));
      const tenant = scope.use(await tenantOf(cluster, namespace));
      await succeed(namespace.apply(pullSecretManifest('pull', cluster.privateRegistry, cluster.account)));
      return tenant;
    }),
  );
  return {
    /** Has each of them create pods of an image that no cache has, one after another; what became of them all. */
    async createPods(rounds: number): Promise<Answer[]> {
      const answers = await Promise.all(
        tenants.map(async (tenant) => {
          const all: Answer[] = [];
          for (let round = 0; round < rounds; round++) {
            const app = await images.pushPrivate();
            const spec = { schedulerName, imagePullSecrets: [{ name: 'pull' }] };
            all.push(await tenant.tryPod(podManifest({ image: app.tagged, spec })));
          }
          return all;
        }),
      );
      return answers.flat();
    },
    [Symbol.asyncDispose]: () => scope.disposeAsync(),
  };
}

const slowest = (answers: readonly Answer[]) => Math.max(...answers.map(({ milliseconds }) => milliseconds));

/** A quarter of what the API server waits for a webhook. */
const SOON_MS = 2_500;

type Attack = (tenant: Tenant) => Promise<readonly Answer[]>;

/**
 * Has a tenant attack from a namespace that tagpin isn't called for, and then from one that enforces, while others create pods.
 * Expects that theirs are admitted, and not much later in the second case: large objects are work for the API server, too.
 * Returns the answers to the attack.
 */
async function expectOthersUndisturbed(attack: Attack): Promise<readonly Answer[]> {
  const before = await tagpin.ready();
  await using bystanders = await others(2);
  const during = async (mode?: Mode) => {
    await using namespace = await createNamespace(cluster, mode);
    await using tenant = await tenantOf(cluster, namespace);
    const attacking = attack(tenant);
    const answers = await bystanders.createPods(8);
    return { answers, attacks: await attacking };
  };
  const alone = await during();
  const { answers, attacks } = await during('enforce');
  expect(answers.map(({ message }) => message)).toEqual(answers.map(() => ''));
  expect(slowest(answers)).toBeLessThan(Math.max(2 * slowest(alone.answers), SOON_MS));
  expect(await tagpin.ready()).toEqual(before);
  return attacks;
}

test('a pod that lists 20,000 pull secrets does not delay other pods', async () => {
  const app = await images.push();
  const imagePullSecrets = Array.from({ length: 20_000 }, (_, i) => ({ name: `secret-${i}` }));
  const pod = podManifest({ image: app.tagged, spec: { schedulerName, imagePullSecrets } });
  const attacks = await expectOthersUndisturbed((tenant) =>
    Promise.all([1, 2, 3].map(() => tenant.tryPod(pod))),
  );
  expect(attacks.map(({ images }) => images)).toEqual([[], [], []]);
  expect(Math.max(...attacks.map(({ message }) => message.length))).toBeLessThan(4_096);
}, 120_000);

test('pods whose reads queue up in one namespace do not delay other namespaces', async () => {
  const app = await images.push();
  const crowd = Array.from({ length: 30 }, (_, pod) => {
    const imagePullSecrets = Array.from({ length: 30 }, (_, i) => ({ name: `secret-${pod}-${i}` }));
    return podManifest({ image: app.tagged, spec: { schedulerName, imagePullSecrets } });
  });
  await expectOthersUndisturbed((tenant) => Promise.all(crowd.map((pod) => tenant.tryPod(pod))));
}, 120_000);

/** A pod of a ReplicationController that doesn't exist, with many labels. */
function labelled(image: string, count: number): Manifest {
  const label = (i: number) => [`example.com/label-${i}`, 'x'.repeat(63)];
  const owner = {
    apiVersion: 'v1',
    kind: 'ReplicationController',
    name: 'made-up',
    uid: 'made-up',
    controller: true,
  };
  return {
    ...podManifest({ image, spec: { schedulerName } }),
    metadata: {
      name: 'web',
      labels: Object.fromEntries(Array.from({ length: count }, (_, i) => label(i))),
      ownerReferences: [owner],
    },
  };
}

test('a pod with 20,000 labels does not break the reads of others, and gets a short message', async () => {
  const app = await images.push();
  const pod = labelled(app.tagged, 20_000);
  const attacks = await expectOthersUndisturbed((tenant) =>
    Promise.all([1, 2, 3, 4, 5].map(() => tenant.tryPod(pod))),
  );
  expect(Math.max(...attacks.map(({ message }) => message.length))).toBeLessThan(4_096);
  const log = await succeed(
    kubectl('logs', '--selector=app.kubernetes.io/name=tagpin', '--tail=-1', '--prefix=false', '--since=2m'),
  );
  expect(Math.max(...log.split('\n').map(({ length }) => length))).toBeLessThan(16_384);
}, 120_000);

test('pull secrets that no Secret can be called are missing, and are not read', async () => {
  await using namespace = await createNamespace(cluster, 'enforce');
  await using tenant = await tenantOf(cluster, namespace);
  const app = await images.pushPrivate();
  const requests = () =>
    Promise.all(
      ['pods', 'secrets', 'namespaces'].map((resource) =>
        tagpin.metric('tagpin_kubernetes_requests_total', `resource="${resource}",method="GET",status="403"`),
      ),
    );
  const before = await requests();
  const imagePullSecrets = ['.', '..', 'a/b'].map((name) => ({ name }));
  const { message } = await tenant.tryPod(
    podManifest({ image: app.tagged, spec: { schedulerName, imagePullSecrets } }),
  );
  expect(message).toContain(`pull secret ".", "..", "a/b" doesn't exist`);
  expect(await requests()).toEqual(before);
}, 60_000);
