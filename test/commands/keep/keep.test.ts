import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  controllerRevisionObject,
  cronJobObject,
  deploymentObject,
  jobObject,
  type KeepCluster,
  namespaceObject,
  podObject,
  replicaSetObject,
  replicaSetOwner,
  setObject,
  startKeepCluster,
} from './keeps.ts';

let cluster: KeepCluster;
beforeEach(async () => {
  cluster = await startKeepCluster();
  cluster.put(namespaceObject('a'), namespaceObject('b'));
});
afterEach(() => cluster[Symbol.asyncDispose]());

const app = 'registry.example.com/app';
const digest = (character: string) => `sha256:${character.repeat(64)}`;
const one = digest('1');
const two = digest('2');
const three = digest('3');
const four = digest('4');

/** `DIGEST's first character: why by` for each use. */
async function uses(options: Parameters<KeepCluster['keep']>[0] = {}): Promise<string[]> {
  const { data } = await cluster.keep(options);
  return data.digests.flatMap(({ repository, digest, uses }) =>
    uses.map(({ by, why }) => `${repository.split('/').at(-1)} ${digest[7]}: ${why} ${by}`),
  );
}

describe('tagpin keep lists, of pods,', () => {
  test("the digest that a pod's spec names, with who needs it", async () => {
    const web = { image: `${app}@${one}`, owner: replicaSetOwner('web-abc') };
    cluster.put(podObject('a', web), podObject('a', web), podObject('b', { ...web, name: 'bare' }));
    const { code, data } = await cluster.keep();
    expect(code).toBe(0);
    expect(data.digests).toEqual([
      {
        image: `${app}@${one}`,
        repository: app,
        digest: one,
        certain: true,
        uses: [
          { namespace: 'a', by: 'replicaset/web-abc', why: 'spec', pods: 2 },
          { namespace: 'b', by: 'replicaset/web-abc', why: 'spec', pods: 1 },
        ],
      },
    ]);
  });

  test('the digest that the node pulled for an image by tag', async () => {
    cluster.put(podObject('a', { name: 'web', image: `${app}:1`, imageId: `${app}@${one}` }));
    expect(await uses()).toEqual(['app 1: imageID pod/web']);
  });

  test('the same by the short name of Docker Hub, and by the prefix of cri-dockerd', async () => {
    const imageId = `docker-pullable://nginx@${one}`;
    cluster.put(podObject('a', { name: 'web', image: 'nginx:1', imageId }));
    expect((await cluster.keep()).data.digests).toMatchObject([{ image: `docker.io/library/nginx@${one}` }]);
  });

  test("in the image's own repository what the node reports by another's name, as not certain", async () => {
    const imageId = `quay.io/other/app@${one}`;
    cluster.put(podObject('a', { name: 'web', image: `${app}:1`, imageId }));
    expect((await cluster.keep()).data.digests).toMatchObject([{ image: `${app}@${one}`, certain: false }]);
  });

  test("but nothing of another repository where the spec's own digest counts", async () => {
    cluster.put(podObject('a', { name: 'web', image: `${app}@${two}`, imageId: `quay.io/other/app@${one}` }));
    expect(await uses()).toEqual(['app 2: spec pod/web']);
  });

  test('those that are being deleted, and none that have finished', async () => {
    const metadata = { deletionTimestamp: '2026-01-01T00:00:00Z' };
    cluster.put(
      podObject('a', { name: 'leaving', image: `${app}@${one}`, metadata }),
      podObject('a', { image: `${app}@${two}`, phase: 'Succeeded' }),
      podObject('a', { image: `${app}@${three}`, phase: 'Failed' }),
    );
    expect(await uses()).toEqual(['app 1: spec pod/leaving']);
  });

  test('none for images that are invalid, or only ids of a node', async () => {
    cluster.put(
      podObject('a', { image: 'A B', imageId: one }),
      podObject('a', { image: `${app}:1`, imageId: one }),
    );
    expect(await uses()).toEqual([]);
  });
});

describe('tagpin keep lists, of revisions that can still create pods,', () => {
  const image = `${app}:1`;
  const stored = (digest: string | null) => ({ [image]: digest });

  test('what ReplicaSets store: with replicas, the newest of a Deployment at zero, and those of its history', async () => {
    cluster.put(
      deploymentObject('a', 'web', image, { revisionHistoryLimit: 1 }),
      replicaSetObject('a', { of: 'web', hash: 'n4', number: 4, image, digests: stored(four), replicas: 0 }),
      replicaSetObject('a', { of: 'web', hash: 'n3', number: 3, image, digests: stored(three), replicas: 0 }),
      replicaSetObject('a', { of: 'web', hash: 'n2', number: 2, image, digests: stored(two), replicas: 0 }),
      replicaSetObject('a', { of: 'web', hash: 'n1', number: 1, image, digests: stored(one), replicas: 1 }),
    );
    const live = ['app 1: stored replicaset/web-n1', 'app 3: stored replicaset/web-n3'];
    expect(await uses()).toEqual([...live, 'app 4: stored replicaset/web-n4']);
    expect(await uses({ history: true })).toContain('app 2: stored replicaset/web-n2');
  });

  test('a digest that a template names, and none for a tag that was never resolved', async () => {
    cluster.put(
      deploymentObject('a', 'web', `${app}@${one}`),
      replicaSetObject('a', {
        of: 'web',
        hash: 'x',
        number: 1,
        image: `${app}@${one}`,
        digests: stored(null),
        replicas: 0,
      }),
    );
    expect(await uses()).toEqual(['app 1: template deployment/web', 'app 1: template replicaset/web-x']);
  });

  test("only a revision's own pins, not copies of another's", async () => {
    const copies = { 'pins.tagpin.dev/other.zz': JSON.stringify(stored(two)) };
    const object = replicaSetObject('a', {
      of: 'web',
      hash: 'x',
      number: 1,
      image,
      digests: stored(one),
      replicas: 1,
    });
    cluster.put(deploymentObject('a', 'web', image), {
      ...object,
      metadata: { ...object.metadata, annotations: { ...object.metadata?.annotations, ...copies } },
    });
    expect(await uses()).toEqual(['app 1: stored replicaset/web-x']);
  });

  test("a StatefulSet's current and update revisions, and older ones by --history", async () => {
    const revision = (hash: string, number: number, digest: string) =>
      controllerRevisionObject('a', 'StatefulSet', {
        of: 'db',
        hash,
        number,
        image,
        digests: stored(digest),
      });
    cluster.put(
      setObject('a', 'StatefulSet', 'db', image, { currentRevision: 'db-c2', updateRevision: 'db-c3' }),
      revision('c1', 1, one),
      revision('c2', 2, two),
      revision('c3', 3, three),
    );
    const current = ['app 2: stored controllerrevision/db-c2', 'app 3: stored controllerrevision/db-c3'];
    expect(await uses()).toEqual(current);
    expect(await uses({ history: true })).toEqual(['app 1: stored controllerrevision/db-c1', ...current]);
  });

  test("a DaemonSet's newest revision", async () => {
    const revision = (hash: string, number: number, digest: string) =>
      controllerRevisionObject('a', 'DaemonSet', {
        of: 'agent',
        hash,
        number,
        image,
        digests: stored(digest),
      });
    cluster.put(
      setObject('a', 'DaemonSet', 'agent', image),
      revision('d9', 9, one),
      revision('d10', 10, two),
    );
    expect(await uses()).toEqual(['app 2: stored controllerrevision/agent-d10']);
  });

  test('any whose owner is of a kind that it does not know', async () => {
    const object = replicaSetObject('a', {
      of: 'rollout',
      hash: 'r',
      number: 1,
      image,
      digests: stored(one),
      replicas: 0,
    });
    cluster.put(object);
    expect(await uses()).toEqual(['app 1: stored replicaset/rollout-r']);
  });

  test('Jobs that have not finished, and what CronJobs name', async () => {
    const complete = { conditions: [{ type: 'Complete', status: 'True' }] };
    cluster.put(
      jobObject('a', 'running', image, { digests: { [image]: one } }),
      jobObject('a', 'done', image, { digests: { [image]: two }, status: complete }),
      cronJobObject('a', 'nightly', `${app}@${three}`),
    );
    expect(await uses()).toEqual(['app 1: stored job/running', 'app 3: template cronjob/nightly']);
  });
});

describe('tagpin keep', () => {
  test('reads only the namespaces that are named', async () => {
    cluster.put(podObject('a', { image: `${app}@${one}` }), podObject('b', { image: `${app}@${two}` }));
    const { data } = await cluster.keep({ namespace: ['b'] });
    expect(data).toMatchObject({ namespaces: ['b'], digests: [{ digest: two }] });
  });

  test('lists only the registries or repositories that are named', async () => {
    cluster.put(
      podObject('a', { image: `quay.io/team/app@${one}` }),
      podObject('a', { image: `${app}@${two}` }),
      podObject('a', { image: `registry.example.com:5000/app@${three}` }),
    );
    const registry = ['quay.io/team/*', 'registry.example.com'];
    expect((await cluster.keep({ registry })).data.digests.map((found) => found.digest)).toEqual([one, two]);
  });

  test('prints nothing if a part of the cluster cannot be read, because what is not listed may be deleted', async () => {
    cluster.put(podObject('a', { image: `${app}@${one}` }));
    cluster.api.fail({ resource: 'controllerrevisions', effect: 'forbidden' });
    await expect(cluster.print({ output: 'list' })).rejects.toThrow(
      /^the statefulsets, daemonsets and controllerrevisions can't be read: .*; ask for that permission$/,
    );
  });

  test('does not take a namespace that is not there for one without pods', async () => {
    await expect(cluster.print({ namespace: ['absent'] })).rejects.toThrow(
      'namespace "absent" doesn\'t exist',
    );
  });

  test('shows people who needs what, and how much it is', async () => {
    cluster.put(
      podObject('a', { name: 'web', image: `${app}@${one}` }),
      podObject('b', { name: 'web', image: `${app}@${one}` }),
    );
    const { out, said } = await cluster.print();
    expect(out).toBe(
      [
        'REPOSITORY                 DIGEST                NAMESPACE   NEEDED BY            WHY',
        'registry.example.com/app   sha256:111111111111   a           pod/web and 1 more   its spec names it',
        '',
      ].join('\n'),
    );
    expect(said).toBe('tagpin: 1 digest in 1 repository must not be deleted\n');
  });
});

describe('the formats of those who delete', () => {
  beforeEach(() => {
    cluster.put(
      podObject('a', { image: `012345678901.dkr.ecr.eu-west-1.amazonaws.com/team/app@${one}` }),
      podObject('a', { image: `ghcr.io/team/app@${two}` }),
      podObject('a', { image: `ghcr.io/team/copy@${two}` }),
      podObject('a', { image: `contoso.azurecr.io/team/app@${three}` }),
      podObject('a', { image: `contoso-d5b3fvafcqhvhsgm.azurecr.io/app@${four}` }),
    );
  });
  const names = [
    `012345678901.dkr.ecr.eu-west-1.amazonaws.com/team/app@${one}`,
    `contoso-d5b3fvafcqhvhsgm.azurecr.io/app@${four}`,
    `contoso.azurecr.io/team/app@${three}`,
    `ghcr.io/team/app@${two}`,
    `ghcr.io/team/copy@${two}`,
  ];

  test('list: a line for each', async () => {
    expect((await cluster.print({ output: 'list' })).out).toBe(names.map((name) => `${name}\n`).join(''));
  });

  test('ecrm: a JSON array of image URIs', async () => {
    expect(JSON.parse((await cluster.print({ output: 'ecrm' })).out)).toEqual(names);
  });

  test('skip-shas: distinct digests with commas between, as of one registry', async () => {
    const { out } = await cluster.print({ output: 'skip-shas', registry: ['ghcr.io'] });
    expect(out).toBe(`${two}\n`);
    expect((await cluster.print({ output: 'skip-shas' })).out).toBe(`${[one, four, three, two].join(',')}\n`);
  });

  test("acr: a command for each that locks it, by the registry's name", async () => {
    const { out, said } = await cluster.print({ output: 'acr' });
    expect(out.trimEnd().split('\n')).toEqual([
      `az acr repository update --name contoso --image app@${four} --delete-enabled false`,
      `az acr repository update --name contoso --image team/app@${three} --delete-enabled false`,
    ]);
    expect(said).toContain("; 3 of other registries than Azure's left out");
  });
});

describe('tagpin keep refuses', () => {
  test.each([
    [{ hold: true }, '--hold needs --cluster NAME'],
    [{ tagEach: true }, '--tag-each without --hold has no meaning'],
    [{ dryRun: true, cluster: 'prod' }, '--cluster and --dry-run without --hold has no meaning'],
    [{ hold: true, cluster: 'prod', output: 'ecrm' }, '-o ecrm is for a list alone'],
    [{ hold: true, cluster: 'prod', release: ['app:1'] }, '--release takes a repository'],
    [{ namespace: ['a'], allNamespaces: true }, '-A is for all namespaces'],
    [{ hold: true, cluster: 'prod', release: ['app'], namespace: ['a'] }, '--release needs all namespaces'],
  ] as const)('%j', async (options, message) => {
    await expect(cluster.print(options)).rejects.toThrow(message);
  });
});
