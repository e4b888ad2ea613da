import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeKubeconfig } from '../../support/api-server/kubeconfig.ts';
import { interrupted, tagpin } from '../../support/command-line.ts';
import { image } from '../../support/registry/image.ts';
import { type Registry, startRegistry } from '../../support/registry/registry.ts';
import { type Cluster, deployment, podOf, startCluster } from './adoptions.ts';

let cluster: Cluster;
let registry: Registry;
let tagged: string;
let [before, after] = ['', ''];

beforeAll(async () => {
  cluster = await startCluster();
  registry = await startRegistry();
  tagged = `${registry.host}/app:1`;
  before = registry.push('app', '1', image());
  after = registry.push('app', '1', image());
  for (const name of ['team-a', 'empty']) {
    cluster.api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  }
  for (const object of deployment('team-a', tagged)) cluster.api.put(object);
  for (const digest of [before, before, after]) {
    cluster.api.put(podOf('team-a', { image: tagged, imageId: `${registry.host}/app@${digest}` }));
  }
});
afterAll(async () => {
  await Promise.all([cluster[Symbol.asyncDispose](), registry.close()]);
});

const adopt = (...args: string[]) => tagpin(['adopt', '--kubeconfig', cluster.kubeconfig, ...args]);
/** Which cluster is written to. */
const clusterLine = () => `tagpin: cluster "embedded" at ${cluster.api.url}\n`;
const short = (digest: string) => digest.slice(0, 19);
const cells = (line = '') => line.split(/ {3,}/);

describe('tagpin adopt', () => {
  test('prints the cluster, a table, and a summary', async () => {
    const { code, stdout, stderr } = await adopt('--dry-run', 'team-a');
    const [headings, first, second, ...rest] = stdout.trimEnd().split('\n');
    expect(cells(headings)).toEqual(['REVISION', 'IMAGE', 'DIGEST', 'PODS', 'FROM', 'STATE', 'NOTE']);
    const line = ['replicaset/web-abc', tagged];
    const state = 'several digests';
    const note = `its tag has ${short(after)} now`;
    expect(cells(first)).toEqual([...line, short(before), '2', 'imageID', state, note]);
    expect(cells(second)).toEqual([...line, short(after), '1', 'imageID', state]);
    expect(rest).toEqual([]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `${clusterLine()}tagpin: 1 image: 1 with several digests (choose with --prefer newest or --prefer oldest); nothing was written (--dry-run)\n`,
    });
  });

  test('shows in it which digest is not chosen', async () => {
    const { code, stdout } = await adopt('--dry-run', '--prefer', 'oldest', 'team-a');
    const states = stdout
      .trimEnd()
      .split('\n')
      .map((line) => cells(line)[5]);
    expect({ code, states }).toEqual({ code: 0, states: ['STATE', 'to be adopted', 'passed over'] });
  });

  test('prints an object in JSON', async () => {
    const { code, stdout } = await adopt('--dry-run', '--prefer', 'oldest', '-o', 'json', 'team-a');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      dryRun: true,
      images: [{ state: 'adopted', digest: before }],
    });
  });

  test('prints no table if there is nothing to adopt', async () => {
    expect(await adopt('empty')).toMatchObject({
      code: 0,
      stdout: '',
      stderr: `${clusterLine()}tagpin: namespace empty has no pods of revisions with images by tag: nothing to adopt\n`,
    });
  });
});

describe('tagpin adopt fails', () => {
  test('for a missing namespace', async () => {
    expect(await adopt('nowhere')).toMatchObject({
      code: 3,
      stdout: '',
      stderr: 'tagpin: namespace "nowhere" doesn\'t exist; correct its name or the kubeconfig\'s context\n',
    });
  });

  test.each([
    [['team-a', '--prefer', 'best'], /argument 'best' is invalid. Allowed choices are newest, oldest/],
    [['Team A'], /^tagpin: "Team A" can't be a namespace's name; write it as kubectl lists it\n$/],
    [[], /^tagpin: name the namespace: tagpin adopt NAMESPACE\n$/],
    [['team-a', '-n', 'team-b'], /the argument says namespace team-a, and --namespace says team-b; give one/],
  ])('for %j, which is wrong use', async (args, message) => {
    const { code, stdout, stderr } = await adopt(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
  });

  test('without an API server', async () => {
    const kubeconfig = join(cluster.folder, 'nobody');
    await writeKubeconfig(kubeconfig, { url: 'https://127.0.0.1:1' });
    const { code, stdout, stderr } = await tagpin(['adopt', '--kubeconfig', kubeconfig, 'team-a']);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toMatch(/can't be read: GET .* ECONNREFUSED .*; look at the kubeconfig, its context/);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  test('if the API server exceeds the timeout', async () => {
    const restore = cluster.api.fail({ resource: 'pods', effect: { outcome: 'hang' } });
    const { code, stdout, stderr } = await adopt('--timeout', '1s', 'team-a');
    restore();
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toMatch(/can't be read: GET .*: no answer in time; look at the kubeconfig/);
  });
});

describe('tagpin adopt warns that it has no effect', () => {
  test.each([
    ['kube-system', {}, 'namespace kube-system never takes part, whatever its label'],
    ['tagpin-system', {}, 'namespace tagpin-system never takes part, whatever its label'],
    [
      'typo',
      { 'tagpin.dev/pin': 'Enforce' },
      'tagpin.dev/pin=Enforce, which is none of enforce, best-effort, audit',
    ],
  ])('in namespace %s', async (name, labels, warning) => {
    cluster.api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
    const { code, stderr } = await adopt('--dry-run', name);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^tagpin: warning: /);
    expect(stderr).toContain(warning);
  });
});

test('Ctrl-C ends it within a second with what is known by then', async () => {
  await using hanging = await startRegistry();
  hanging.fault = { outcome: 'hang' };
  const name = 'half';
  cluster.api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  for (const object of deployment(name, `${hanging.host}/app:1`)) cluster.api.put(object);
  cluster.api.put(podOf(name, { image: `${hanging.host}/app:1`, imageId: `${hanging.host}/app@${before}` }));
  const job = { namespace: name, name: 'task', uid: 'uid-task' };
  const spec = { containers: [{ name: 'web', image: tagged }] };
  cluster.api.put({ apiVersion: 'batch/v1', kind: 'Job', metadata: job, spec: { template: { spec } } });
  cluster.api.put({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace: name,
      name: 'task-1',
      ownerReferences: [
        { apiVersion: 'batch/v1', kind: 'Job', name: 'task', uid: 'uid-task', controller: true },
      ],
    },
    spec,
    status: {
      phase: 'Running',
      containerStatuses: [{ name: 'web', imageID: `${registry.host}/app@${after}` }],
    },
  });
  const args = ['adopt', '--dry-run', '--kubeconfig', cluster.kubeconfig, name];
  const { code, stdout, stderr } = await interrupted(args, () => hanging.requests.count() > 0, 500);
  const states = stdout
    .trimEnd()
    .split('\n')
    .map((line) => cells(line).filter((cell) => /adopted|interrupted/.test(cell)));
  expect({ code, states }).toEqual({ code: 130, states: [[], ['to be adopted'], ['interrupted']] });
  expect(stderr).toMatch(/1 to be adopted, 1 not known yet.*\ntagpin: ended by SIGINT\n$/);
});

test.each(['pods', 'replicasets'])(
  'Ctrl-C ends it at once while the API server hangs at %s',
  async (resource) => {
    const restore = cluster.api.fail({ resource, effect: { outcome: 'hang' } });
    const asked = cluster.api.requests.of(resource).length;
    const args = ['adopt', '--kubeconfig', cluster.kubeconfig, 'team-a'];
    const { code } = await interrupted(args, () => cluster.api.requests.of(resource).length > asked);
    restore();
    expect(code).toBe(130);
  },
);
