import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { createCertificate } from '../../../src/certificate/certificate.ts';
import { interrupted, tagpin } from '../../support/command-line.ts';
import { image } from '../../support/registry/image.ts';
import { type Registry, startRegistry } from '../../support/registry/registry.ts';
import { pullSecret } from '../../webhook/webhooks.ts';
import { deployment, podOf } from '../adopt/adoptions.ts';
import { installation, type PreflightCluster, startPreflights } from './preflights.ts';

const password = 'correct-horse';
let cluster: PreflightCluster;
let registry: Registry;
let digest: string;
beforeAll(async () => {
  cluster = await startPreflights();
  registry = await startRegistry({
    auth: { scheme: 'bearer' },
    users: [{ name: 'ada', password, pull: ['*'] }],
    public: ['open/*'],
  });
  registry.push('open/app', '1', image());
  digest = registry.push('private/app', '1', image());
});
afterAll(async () => {
  await Promise.all([cluster[Symbol.asyncDispose](), registry.close()]);
});

let number = 0;
/** A namespace of a test's own, with pods of a Deployment whose ServiceAccount has a pull secret. */
function namespaceWith(spec: object | string, labels: Record<string, string> = {}): string {
  const name = `team-${++number}`;
  cluster.api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
  cluster.api.put(pullSecret('regcred', registry.host, 'ada', password, name));
  cluster.api.put({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { namespace: name, name: 'default' },
    imagePullSecrets: [{ name: 'regcred' }],
  });
  for (const object of deployment(name, spec)) cluster.api.put(object);
  return name;
}

const tagged = (name = 'private/app:1') => `${registry.host}/${name}`;

describe('tagpin preflight says of an image', () => {
  test('what enforce would pin it to, and which secret opened the registry', async () => {
    const name = namespaceWith(tagged());
    cluster.api.put(podOf(name, { image: tagged() }));
    const { code, report } = await cluster.preflight(name);
    expect(report.images).toMatchObject([
      {
        image: tagged(),
        state: 'pinned',
        digest,
        credential: `secret ${name}/regcred`,
        usedBy: ['deployment/web'],
      },
    ]);
    expect(code).toBe(0);
  });

  test('with which secret each of two pods would pull it, though one answer serves both', async () => {
    const pod = (secret: string) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { namespace: name, name: secret },
      spec: { containers: [{ name: 'web', image: tagged() }], imagePullSecrets: [{ name: secret }] },
    });
    const name = namespaceWith(tagged());
    for (const secret of ['one', 'two']) {
      cluster.api.put(pullSecret(secret, registry.host, 'ada', password, name));
      cluster.api.put(pod(secret));
    }
    const { report } = await cluster.preflight(name);
    expect(report.images.map(({ credential }) => credential)).toEqual([
      `secret ${name}/regcred`,
      `secret ${name}/one`,
      `secret ${name}/two`,
    ]);
  });

  test('the words with which enforce would refuse it', async () => {
    const { code, report } = await cluster.preflight(namespaceWith(tagged('private/app:9.9')));
    expect(report.images).toMatchObject([
      {
        state: 'refused',
        message:
          `container "web": ${tagged('private/app:9.9')}: not found (404 MANIFEST_UNKNOWN); ` +
          'push the tag or correct the image',
      },
    ]);
    expect(code).toBe(1);
  });

  test('that it is refused for what is no image, and left where it is by digest', async () => {
    const pinned = `${registry.host}/private/app@${digest}`;
    const containers = [
      { name: 'web', image: 'NGINX' },
      { name: 'side', image: pinned },
    ];
    const { report } = await cluster.preflight(namespaceWith({ containers }));
    expect(report.images).toMatchObject([
      {
        image: 'NGINX',
        state: 'refused',
        message: expect.stringContaining('container "web": invalid image'),
      },
      { image: pinned, state: 'left', reason: 'digest' },
    ]);
  });

  test('that nobody can tell, where whoever asks may not read the pull secrets', async () => {
    const name = namespaceWith(tagged());
    const restore = cluster.api.fail({ resource: 'secrets', namespace: name, effect: 'forbidden' });
    const { code, report } = await cluster.preflight(name);
    restore();
    expect(report.images).toMatchObject([
      { state: 'unknown', message: expect.stringMatching(/ask for that permission/) },
    ]);
    expect(code).toBe(3);
  });

  test('which digest its pods keep until the next rollout', async () => {
    const name = namespaceWith(tagged());
    const kept = `sha256:${'a'.repeat(64)}`;
    const annotations = { 'pins.tagpin.dev/abc.1': JSON.stringify({ [tagged()]: kept }) };
    for (const object of deployment(name, tagged(), { annotations })) cluster.api.put(object);
    const { report } = await cluster.preflight(name);
    expect(report.images).toMatchObject([{ state: 'pinned', digest, stored: [kept] }]);
  });

  test('that it is no finding, where it is only kept for a rollback', async () => {
    const name = namespaceWith(tagged());
    const [, replicaSet] = deployment(name, tagged('private/app:gone'));
    cluster.api.put({
      ...replicaSet,
      kind: 'ReplicaSet',
      apiVersion: 'apps/v1',
      metadata: { ...replicaSet?.metadata, name: 'web-old', uid: 'uid-web-old' },
      spec: { ...replicaSet?.spec, replicas: 0 },
    });
    const { code, report } = await cluster.preflight(name);
    expect(report.images).toMatchObject([{ state: 'pinned' }, { state: 'refused', idle: true }]);
    expect(code).toBe(0);
  });
});

test('tagpin preflight looks at every kind that makes pods, and at what has ended at none', async () => {
  const name = namespaceWith(tagged('open/app:1'));
  const template = (tag: string) => ({
    spec: { containers: [{ name: 'web', image: tagged(`open/app:${tag}`) }] },
  });
  const kinds = [
    ['apps/v1', 'StatefulSet', { template: template('stateful') }],
    ['apps/v1', 'DaemonSet', { template: template('daemon') }],
    ['batch/v1', 'CronJob', { jobTemplate: { spec: { template: template('cron') } } }],
    ['argoproj.io/v1alpha1', 'Rollout', { template: template('argo') }],
    ['v1', 'ReplicationController', { template: template('old') }],
    ['batch/v1', 'Job', { template: template('job') }],
    ['v1', 'Pod', template('bare').spec],
  ] as const;
  for (const [apiVersion, kind, spec] of kinds) {
    cluster.api.put({ apiVersion, kind, metadata: { namespace: name, name: 'one' }, spec });
  }
  cluster.api.put({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { namespace: name, name: 'done' },
    spec: { template: template('done') },
    status: { conditions: [{ type: 'Complete', status: 'True' }] },
  });
  cluster.api.put({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: name, name: 'over' },
    spec: template('over').spec,
    status: { phase: 'Succeeded' },
  });
  const { report } = await cluster.preflight(name);
  expect(report.images.flatMap(({ usedBy }) => usedBy)).toEqual([
    'deployment/web',
    'statefulset/one',
    'daemonset/one',
    'cronjob/one',
    'rollout/one',
    'replicationcontroller/one',
    'job/one',
    'pod/one',
  ]);
});

describe('tagpin preflight says of the cluster', () => {
  const resultsOf = async (namespace: string) => {
    const { code, report } = await cluster.preflight(namespace);
    const checks = new Map(report.checks.map(({ name, result, detail }) => [name, { result, detail }]));
    return {
      code,
      checks,
      results: Object.fromEntries(report.checks.map(({ name, result }) => [name, result])),
    };
  };
  const enforce = { 'tagpin.dev/pin': 'enforce' };
  const refusal = (message: string) => ({
    resource: 'pods',
    verbs: ['create' as const],
    effect: {
      outcome: { status: 403, body: JSON.stringify({ kind: 'Status', message, reason: 'Forbidden' }) },
    },
  });
  const answered = refusal(
    'admission webhook "enforce.tagpin.dev" denied the request: container "preflight": invalid image reference "TAGPIN-PREFLIGHT"',
  );

  test('that tagpin is not installed, which is no failure', async () => {
    expect(await resultsOf(namespaceWith(tagged()))).toMatchObject({
      code: 0,
      results: { namespace: 'note', 'webhook configuration': 'note', 'your permissions': 'ok' },
    });
  });

  test('that a label without a webhook does nothing', async () => {
    const { code, checks } = await resultsOf(namespaceWith(tagged(), enforce));
    expect(code).toBe(1);
    expect(checks.get('webhook configuration')).toMatchObject({
      result: 'problem',
      detail: expect.stringMatching(/the label of namespace team-\d+ does nothing/),
    });
  });

  test('that a label is mistyped', async () => {
    const { code, checks } = await resultsOf(namespaceWith(tagged(), { 'tagpin.dev/pin': 'enforced' }));
    expect(code).toBe(1);
    expect(checks.get('namespace')?.detail).toMatch(
      /has the label tagpin.dev\/pin=enforced, which is none of enforce, best-effort, audit: nothing is pinned there/,
    );
  });

  test('that a namespace never takes part', async () => {
    cluster.api.put({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'kube-system', labels: enforce },
    });
    const { checks } = await resultsOf('kube-system');
    expect(checks.get('namespace')).toMatchObject({
      result: 'problem',
      detail: expect.stringMatching(/never takes part/),
    });
  });

  test('that all is well', async () => {
    const { ca, cert, key } = await createCertificate(['tagpin.tagpin-system.svc'], Date.now());
    using _ = installation(cluster.api, { ca, cert, key });
    const restore = cluster.api.fail(answered);
    const { code, results } = await resultsOf(namespaceWith(tagged(), enforce));
    restore();
    expect(results).toEqual({
      namespace: 'ok',
      'webhook configuration': 'ok',
      service: 'ok',
      caBundle: 'ok',
      certificate: 'ok',
      call: 'ok',
      "webhook's permissions": 'ok',
      'your permissions': 'ok',
    });
    expect(code).toBe(0);
  });

  test('that the certificate is of another CA than the caBundle', async () => {
    const { cert, key } = await createCertificate(['tagpin.tagpin-system.svc'], Date.now());
    const { ca } = await createCertificate(['tagpin.tagpin-system.svc'], Date.now());
    using _ = installation(cluster.api, { ca, cert, key });
    const { code, checks } = await resultsOf(namespaceWith(tagged()));
    expect(checks.get('certificate')).toMatchObject({
      result: 'problem',
      detail: expect.stringMatching(
        /^the caBundle of enforce.tagpin.dev, .* doesn't trust that of Secret tagpin-system\/tagpin-certificate/,
      ),
    });
    expect(code).toBe(1);
  });

  test('that the certificate has expired, or should have been renewed', async () => {
    const day = 24 * 60 * 60 * 1000;
    const names = ['tagpin.tagpin-system.svc'];
    for (const [age, detail] of [
      [400, /it expired at/],
      [300, /should have been renewed on/],
    ] as const) {
      const { ca, cert, key } = await createCertificate(names, Date.now() - age * day);
      using _ = installation(cluster.api, { ca, cert, key });
      const { checks } = await resultsOf(namespaceWith(tagged()));
      expect(checks.get('certificate')).toMatchObject({
        result: 'problem',
        detail: expect.stringMatching(detail),
      });
    }
  });

  test('that nobody is behind the Service, and that tagpin has made no certificate yet', async () => {
    using _ = installation(cluster.api, { ready: false });
    const { results } = await resultsOf(namespaceWith(tagged()));
    expect(results).toMatchObject({
      service: 'problem',
      caBundle: 'problem',
      certificate: 'problem',
      call: 'note',
    });
  });

  test('how many pods are behind the Service, without those that a rollout is draining', async () => {
    using _ = installation(cluster.api, { draining: 2 });
    const { checks } = await resultsOf(namespaceWith(tagged()));
    expect(checks.get('service')).toEqual({
      result: 'ok',
      detail: '2 of 2 pods behind Service tagpin-system/tagpin are ready',
    });
  });

  test('that calls fail, in the API server’s words', async () => {
    using _ = installation(cluster.api, {});
    const message =
      'failed calling webhook "enforce.tagpin.dev": x509: certificate signed by unknown authority';
    const restore = cluster.api.fail(refusal(`Internal error occurred: ${message}`));
    const { checks } = await resultsOf(namespaceWith(tagged(), enforce));
    restore();
    expect(checks.get('call')).toMatchObject({ result: 'problem', detail: expect.stringContaining(message) });
  });

  test('that calls fail and nobody notices, where the pod is admitted without a word', async () => {
    using _ = installation(cluster.api, {});
    const { checks } = await resultsOf(namespaceWith(tagged(), { 'tagpin.dev/pin': 'best-effort' }));
    expect(checks.get('call')).toMatchObject({
      result: 'problem',
      detail: expect.stringMatching(/admitted without an answer from tagpin/),
    });
  });

  test('that it is not known how it stands where the API server gives no answer', async () => {
    using _ = installation(cluster.api, {});
    const restore = cluster.api.fail({ resource: 'subjectaccessreviews', effect: { outcome: 'reset' } });
    const { code, results } = await resultsOf(namespaceWith(tagged()));
    restore();
    expect({ code, result: results["webhook's permissions"] }).toEqual({ code: 3, result: 'unknown' });
  });

  test("that the certificate is cert-manager's, and that tagpin's Secret is missing", async () => {
    using _ = installation(cluster.api, {});
    cluster.api.remove('Secret', 'tagpin-system', 'tagpin-certificate');
    const without = await resultsOf(namespaceWith(tagged()));
    expect(without.checks.get('certificate')).toEqual({
      result: 'problem',
      detail: "there is no Secret tagpin-system/tagpin-certificate; apply tagpin's manifests again",
    });
    const configuration = cluster.api.find('MutatingWebhookConfiguration', undefined, 'tagpin');
    const annotations = { 'cert-manager.io/inject-ca-from': 'tagpin-system/tagpin' };
    cluster.api.put({ ...configuration, metadata: { name: 'tagpin', annotations } });
    const { results } = await resultsOf(namespaceWith(tagged()));
    expect(results['certificate']).toBe('note');
  });

  test('what could not be asked', async () => {
    using _ = installation(cluster.api, {});
    const rules = ['mutatingwebhookconfigurations', 'endpointslices', 'subjectaccessreviews', 'namespaces'];
    const restores = rules.map((resource) => cluster.api.fail({ resource, effect: 'forbidden' }));
    const { code, checks, results } = await resultsOf(namespaceWith(tagged(), enforce));
    for (const restore of restores) restore();
    expect(results).toMatchObject({
      namespace: 'not asked',
      'webhook configuration': 'not asked',
      service: 'not asked',
      "webhook's permissions": 'not asked',
      'your permissions': 'ok',
    });
    expect(checks.get('service')?.detail).toMatch(
      /cannot list resource "endpointslices" .*; ask for that permission/,
    );
    expect(code).toBe(0);
  });

  test('which permissions the webhook lacks', async () => {
    using _ = installation(cluster.api, {});
    cluster.denied.push((what) => what.user !== undefined && what.resource === 'jobs');
    const name = namespaceWith(tagged());
    const { checks } = await resultsOf(name);
    cluster.denied.pop();
    expect(checks.get("webhook's permissions")).toMatchObject({
      result: 'problem',
      detail: `system:serviceaccount:tagpin-system:tagpin lacks get jobs.batch in ${name}; apply tagpin's manifests again`,
    });
  });
});

describe('tagpin preflight, where the webhook may not read the pull secrets of the namespace', () => {
  const user = 'system:serviceaccount:tagpin-system:tagpin';
  const bind = (name: string) =>
    `kubectl apply -n ${name} -f manifests/components/namespaced-secrets/binding.yaml ` +
    '(with the chart: add it to namespacedSecrets.namespaces)';
  const condition = 'once the webhook has the permissions that it lacks';
  async function lacking(...resources: string[]) {
    using _ = installation(cluster.api, {});
    cluster.denied.push(
      ({ user, verb, resource, namespace }) =>
        user !== undefined &&
        verb === 'get' &&
        /^team-/.test(namespace ?? '') &&
        resources.includes(resource ?? ''),
    );
    const name = namespaceWith(tagged());
    const { code, report, said } = await cluster.preflight(name);
    const { stdout } = await tagpin(['preflight', '--kubeconfig', cluster.kubeconfig, name]);
    cluster.denied.pop();
    const detail = report.checks.find((check) => check.name === "webhook's permissions")?.detail;
    return { name, code, report, said, stdout, detail };
  }

  test('names the binding that lets it', async () => {
    const { name, code, detail } = await lacking('secrets', 'serviceaccounts');
    expect(detail).toBe(
      `${user} lacks get secrets in ${name}, get serviceaccounts in ${name}; ${bind(name)}; ` +
        "where tagpin may read pull secrets in all namespaces, apply tagpin's manifests again",
    );
    expect(code).toBe(1);
  });

  test('promises no image', async () => {
    const { report, said, stdout } = await lacking('secrets', 'serviceaccounts');
    expect(report.images).toMatchObject([{ state: 'pinned', condition }]);
    expect(said).toMatch(
      new RegExp(`^tagpin: 1 image: 1 would be pinned ${condition}; 8 checks: \\d problems?`),
    );
    expect(stdout).toMatch(new RegExp(` pins it +deployment/web +${condition}\n$`));
  });

  test('names the manifests first, where it lacks more', async () => {
    const { name, detail } = await lacking('secrets', 'jobs');
    expect(detail).toBe(
      `${user} lacks get secrets in ${name}, get jobs.batch in ${name}; apply tagpin's manifests again; ` +
        `where tagpin may read pull secrets only in some namespaces, also ${bind(name)}`,
    );
  });
});

test('tagpin preflight prints a line for each check, one for each image, and a sentence for people', async () => {
  const name = namespaceWith(tagged());
  cluster.api.put({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: name, name: 'bare' },
    spec: { containers: [{ name: 'web', image: tagged() }] },
  });
  const { code, stdout, stderr } = await tagpin([
    'preflight',
    '--kubeconfig',
    cluster.kubeconfig,
    '-n',
    name,
  ]);
  const [checks = '', images = ''] = stdout.split('\n\n');
  const cellsOf = (table: string) =>
    table
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ {3,}/));
  expect(cellsOf(checks).map(([check, result]) => [check, result])).toEqual([
    ['CHECK', 'RESULT'],
    ['namespace', 'note'],
    ['webhook configuration', 'note'],
    ['your permissions', 'ok'],
  ]);
  expect(cellsOf(images)).toEqual([
    ['IMAGE', 'DIGEST', 'CREDENTIAL', 'ENFORCE', 'USED BY', 'NOTE'],
    [tagged(), digest, `secret ${name}/regcred`, 'pins it', 'deployment/web and 1 more'],
  ]);
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: 'tagpin: 1 image: 1 would be pinned; 3 checks: no problem\n',
  });
});

test('tagpin preflight fails for a namespace that is not there', async () => {
  expect(await tagpin(['preflight', '--kubeconfig', cluster.kubeconfig, 'nowhere'])).toMatchObject({
    code: 3,
    stdout: '',
    stderr: 'tagpin: namespace "nowhere" doesn\'t exist; correct its name or the kubeconfig\'s context\n',
  });
});

test('Ctrl-C ends tagpin preflight at once with what is known by then', async () => {
  await using hanging = await startRegistry();
  hanging.fault = { outcome: 'hang' };
  const containers = [
    { name: 'web', image: tagged() },
    { name: 'side', image: `${hanging.host}/app:1` },
  ];
  const name = namespaceWith({ containers });
  const args = ['preflight', '--kubeconfig', cluster.kubeconfig, '-o', 'json', name];
  const { code, stdout, stderr } = await interrupted(args, () => hanging.requests.count() > 0, 1_000);
  expect(JSON.parse(stdout)).toMatchObject({
    checks: [{ name: 'namespace' }, { name: 'webhook configuration' }, { name: 'your permissions' }],
    images: [
      { image: tagged(), state: 'pinned' },
      { image: `${hanging.host}/app:1`, state: 'unknown', message: 'ended before this was known' },
    ],
  });
  expect({ code, stderr }).toEqual({
    code: 130,
    stderr: 'tagpin: 2 images: 1 would be pinned, 1 unknown; 3 checks: no problem\ntagpin: ended by SIGINT\n',
  });
});

describe('tagpin preflight knows what a ControllerRevision stores', () => {
  const kept = `sha256:${'b'.repeat(64)}`;
  const owner = { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'db', uid: 'uid-db', controller: true };
  function revision(namespace: string, number: number, image: string) {
    const name = `db-${number}`;
    return {
      apiVersion: 'apps/v1',
      kind: 'ControllerRevision',
      metadata: {
        namespace,
        name,
        uid: `uid-${name}`,
        labels: { 'controller.kubernetes.io/hash': `hash${number}` },
        annotations: { [`pins.tagpin.dev/hash${number}.1`]: JSON.stringify({ [image]: kept }) },
        ownerReferences: [owner],
      },
      data: { spec: { template: { spec: { containers: [{ name: 'db', image }] } } } },
      revision: number,
    };
  }
  function statefulSet(namespace: string, image: string) {
    const spec = { template: { spec: { containers: [{ name: 'db', image }] } } };
    return {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { namespace, name: 'db', uid: 'uid-db' },
      spec,
    };
  }
  function emptyNamespace(): string {
    const name = `team-${++number}`;
    cluster.api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    return name;
  }

  test('for its pods', async () => {
    const name = emptyNamespace();
    const image = tagged('open/app:1');
    cluster.api.put(statefulSet(name, image));
    cluster.api.put(revision(name, 2, image));
    const { report } = await cluster.preflight(name);
    expect(report.images).toMatchObject([{ image, stored: [kept], idle: false, usedBy: ['statefulset/db'] }]);
    const { stdout } = await tagpin(['preflight', name, '--kubeconfig', cluster.kubeconfig]);
    expect(stdout).toContain(`until the next rollout its pods have ${kept}`);
  });

  test('but an older one without pods is only for a rollback, and one with pods is not', async () => {
    const name = emptyNamespace();
    const [image, old] = [tagged('open/app:1'), tagged('open/app:0')];
    cluster.api.put(statefulSet(name, image));
    cluster.api.put(revision(name, 1, old));
    cluster.api.put(revision(name, 2, image));
    const idle = async () =>
      (await cluster.preflight(name)).report.images.find((found) => found.image === old)?.idle;
    expect(await idle()).toBe(true);
    cluster.api.put({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        namespace: name,
        name: 'db-0',
        labels: { 'controller-revision-hash': 'db-1' },
        ownerReferences: [owner],
      },
      spec: { containers: [{ name: 'db', image: old }] },
    });
    expect(await idle()).toBe(false);
  });

  test('and nothing else is missing where it may not be read', async () => {
    const name = namespaceWith(tagged());
    const restore = cluster.api.fail({ resource: 'controllerrevisions', effect: 'forbidden' });
    const { code, report } = await cluster.preflight(name);
    restore();
    expect({ code, unread: report.unread }).toEqual({ code: 0, unread: [] });
  });
});

describe('tagpin preflight asks by digest at the mirrors that nodes would use', () => {
  const through = async (mirror: Registry, namespace: string, capabilities = ['pull']) => {
    const registries = {
      [registry.host]: { mirrors: [{ endpoint: mirror.url, capabilities }] },
    };
    const file = join(mkdtempSync(join(tmpdir(), 'tagpin-mirrors-')), 'tagpin.yaml');
    writeFileSync(file, stringify({ registries }));
    return cluster.preflight(namespace, { registryConfig: file });
  };
  const heads = (mirror: Registry) => mirror.requests.manifests().map(({ path }) => path.split('/').at(-1));

  test('and is content if the mirror has it', async () => {
    await using mirror = await startRegistry();
    const pushed = image();
    registry.push('open/mirrored', '1', pushed);
    mirror.push('open/mirrored', '1', pushed);
    const { code, report } = await through(mirror, namespaceWith(tagged('open/mirrored:1')));
    expect({ code, pull: report.images[0]?.pull }).toEqual({
      code: 0,
      pull: { isPossible: true, notes: [] },
    });
    expect(heads(mirror)).toEqual([pushed.digest]);
  });

  test('and says if only the registry itself has it', async () => {
    await using mirror = await startRegistry();
    const { code, report } = await through(mirror, namespaceWith(tagged('open/app:1')));
    expect(code).toBe(0);
    expect(report.images[0]?.pull).toEqual({
      isPossible: true,
      notes: [expect.stringMatching(/^mirror 127.0.0.1:\d+ doesn't serve the digest: not found \(404/)],
    });
  });
});
