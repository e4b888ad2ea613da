import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeKubeconfig } from '../../support/api-server/kubeconfig.ts';
import { interrupted, tagpin } from '../../support/command-line.ts';
import { image } from '../../support/registry/image.ts';
import { type Registry, startRegistry } from '../../support/registry/registry.ts';
import { type AuditCluster, deployment, namespaceObject, podOf, startAuditCluster } from './audits.ts';

let cluster: AuditCluster;
let registry: Registry;

beforeAll(async () => {
  cluster = await startAuditCluster();
  registry = await startRegistry();
  const digest = registry.push('app', 'latest', image());
  const name = `${registry.host}/app`;
  for (const namespace of ['team-a', 'team-b']) {
    cluster.put(
      namespaceObject(namespace),
      ...deployment({ namespace, image: name }),
      podOf({ namespace, image: name, imageId: `${name}@${digest}` }),
    );
  }
});
afterAll(async () => {
  await Promise.all([cluster[Symbol.asyncDispose](), registry.close()]);
});

const audit = (...args: string[]) => tagpin(['audit', '--kubeconfig', cluster.kubeconfig, ...args]);

describe('tagpin audit', () => {
  test('covers all namespaces, as with -A', async () => {
    const [all, same] = await Promise.all([audit(), audit('-A')]);
    expect(all).toMatchObject({ code: 0, stderr: '' });
    expect(all.stdout).toMatch(/^2 images in 2 pods of 2 namespaces: 0 of 2 containers by digest \(0%\)\n/);
    expect(same.stdout).toBe(all.stdout);
  });

  test('or those that repeated -n options name', async () => {
    const [one, both] = await Promise.all([audit('-n', 'team-a'), audit('-n', 'team-a', '-n', 'team-b')]);
    expect(one.stdout).toMatch(/^1 image in 1 pod of 1 namespace:/);
    expect(both.stdout).toMatch(/^2 images in 2 pods of 2 namespaces:/);
  });

  test('or those that are arguments, as of preflight and adopt', async () => {
    const [one, both] = await Promise.all([audit('team-a'), audit('team-a', 'team-b', '-n', 'team-a')]);
    expect(one.stdout).toMatch(/^1 image in 1 pod of 1 namespace:/);
    expect(both.stdout).toMatch(/^2 images in 2 pods of 2 namespaces:/);
  });

  test('exits with 1 for findings of --fail-on', async () => {
    expect(await audit('--fail-on', 'mixed,latest')).toMatchObject({ code: 1, stderr: '' });
    expect(await audit('--fail-on', 'mixed,drift')).toMatchObject({ code: 0 });
  });

  test('writes a page beside its tables', async () => {
    const file = join(cluster.folder, 'audit.html');
    expect(await audit('--html', file)).toMatchObject({ code: 0, stderr: '' });
    expect(readFileSync(file, 'utf8')).toMatch(/^<!doctype html>/);
  });
});

test.each([
  [['-A', '-n', 'team-a'], /^tagpin: -A is for all namespaces, and -n for those it names: leave one out\n$/],
  [['-n', 'Team A'], /^tagpin: "Team A" can't be a namespace's name; write it as kubectl lists it\n$/],
  [
    ['--fail-on', 'latest,worst'],
    /'latest,worst' is invalid\. Write one or more of invalid, gone, mixed, drift, latest/,
  ],
  [['-A', 'team-a'], /^tagpin: -A is for all namespaces/],
  [['Team A'], /^tagpin: "Team A" can't be a namespace's name/],
  [
    ['--fix', '--fix-replace'],
    /^tagpin: --fix is for kubectl apply, and --fix-replace for kubectl replace: give one/,
  ],
  [['-o', 'xml'], /Allowed choices are wide, json, yaml, csv, policyreport, openreports/],
  [['--fix', '-o', 'csv'], /^tagpin: --fix prints manifests, in YAML or JSON: leave out -o csv, or --fix\n$/],
  [
    ['--html', '/no/such/folder/x.html'],
    /^tagpin: --html \/no\/such\/folder\/x\.html: there is no folder \/no\/such\/folder; create it/,
  ],
  [['--concurrency', '0'], /Write a number from 1 to 1000/],
])('%j is wrong use', async (args, message) => {
  const { code, stdout, stderr } = await audit(...args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(message);
});

describe('tagpin audit fails', () => {
  test.each([{ args: [] }, { args: ['-n', 'shop', '-n', 'billing'] }])(
    'without an API server, once: $args',
    async ({ args }) => {
      const kubeconfig = join(cluster.folder, 'nobody');
      await writeKubeconfig(kubeconfig, { url: 'https://127.0.0.1:1' });
      const { code, stdout, stderr } = await tagpin(['audit', '--kubeconfig', kubeconfig, ...args]);
      expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
      const scopes = args.filter((arg) => arg !== '-n').map((namespace) => ` of namespace ${namespace}`);
      const parts = ['namespaces', 'pods'].flatMap((what) =>
        (scopes.length === 0 ? [''] : scopes).map((scope) => `the ${what}${scope}`),
      );
      const [last = '', ...others] = parts.toReversed();
      expect(stderr).toMatch(
        new RegExp(
          `^tagpin: ${others.toReversed().join(', ')} and ${last} can't be read: GET .* ECONNREFUSED .*; ` +
            'look at the kubeconfig, its context and the API server\n$',
        ),
      );
    },
  );

  test('if it may read nothing of the cluster, and names the permission to ask for', async () => {
    const restore = cluster.api.fail({ verbs: ['list'], effect: 'forbidden' });
    const { code, stdout, stderr } = await audit();
    restore();
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr.trimEnd().split('\n')).toEqual([
      expect.stringMatching(
        /^tagpin: the namespaces can't be read: namespaces is forbidden: .*; ask for that permission$/,
      ),
      expect.stringMatching(
        /^tagpin: the pods can't be read: pods is forbidden: .*; ask for that permission$/,
      ),
    ]);
  });
});

describe('Ctrl-C ends it at once', () => {
  const interrupt = (isAsked: () => boolean, ...args: string[]) =>
    interrupted(['audit', '--kubeconfig', cluster.kubeconfig, ...args], isAsked);

  test('with the results so far, while a registry hangs', async () => {
    registry.requests.clear();
    registry.fault = { outcome: 'hang' };
    const { code, stdout, stderr } = await interrupt(() => registry.requests.entries.length > 0);
    registry.fault = undefined;
    expect(code).toBe(130);
    expect(stdout).toMatch(/^2 images in 2 pods of 2 namespaces/);
    expect(stdout).toContain('latest,unpinned');
    expect(stderr).toBe(
      'tagpin: it was interrupted: registries were not asked about everything (2 containers)\ntagpin: ended by SIGINT\n',
    );
  });

  test('while the API server hangs, with what it has read', async () => {
    cluster.api.requests.clear();
    const restore = cluster.api.fail({ resource: 'replicasets', effect: { outcome: 'hang' } });
    const { code, stdout, stderr } = await interrupt(() => cluster.api.requests.of('replicasets').length > 0);
    restore();
    expect(code).toBe(130);
    expect(stdout).toMatch(/^2 images in 2 pods of 2 namespaces/);
    expect(stderr).toContain('it was interrupted: not all of the cluster was read');
  });

  test('and before anything is known, with nothing', async () => {
    cluster.api.requests.clear();
    const restore = cluster.api.fail({ effect: { outcome: 'hang' } });
    const { code, stdout, stderr } = await interrupt(() => cluster.api.requests.entries.length > 0);
    restore();
    expect({ code, stdout, stderr }).toEqual({ code: 130, stdout: '', stderr: 'tagpin: ended by SIGINT\n' });
  });

  test('and leaves no partial page', async () => {
    const file = join(cluster.folder, 'interrupted.html');
    registry.requests.clear();
    registry.fault = { outcome: 'hang' };
    await interrupt(() => registry.requests.entries.length > 0, '--html', file);
    registry.fault = undefined;
    expect(existsSync(file) && readFileSync(file, 'utf8').endsWith('</html>\n')).toBe(true);
  });
});
