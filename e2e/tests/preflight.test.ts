import { copyFileSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { readCluster } from '../support/cluster.ts';
import { succeed } from '../support/command.ts';
import { Images, type PushedImage } from '../support/images.ts';
import { createNamespace, podManifest, pullSecretManifest } from '../support/namespace.ts';
import { kubeconfigWith, preflightOf, resultsOf } from '../support/preflight.ts';
import { Terminal } from '../support/terminal.ts';
import { cronJob, daemonSet, deployment, job, statefulSet } from '../support/workload.ts';

const cluster = readCluster();
const images = new Images(cluster);
const preflight = preflightOf(cluster);
let app: PushedImage;
let secret: PushedImage;
beforeAll(async () => {
  app = await images.push();
  secret = await images.pushPrivate();
});

const regcred = () => pullSecretManifest('regcred', cluster.privateRegistry, cluster.account);
const withSecret = { imagePullSecrets: [{ name: 'regcred' }] };

describe('preflight on the cluster', () => {
  test('finds no problem in a working installation, including a call of the webhook', async () => {
    await using namespace = await createNamespace(cluster, 'enforce');
    await succeed(
      namespace.apply(
        deployment(app.tagged),
        statefulSet(app.tagged, { name: 'db', replicas: 1 }),
        daemonSet(app.tagged, { name: 'agent' }),
        job(app.tagged, { name: 'task', pod: { containers: [{ name: 'app', image: app.tagged }] } }),
      ),
    );
    const { code, report } = await preflight(namespace.name);
    expect(resultsOf(report)).toEqual({
      namespace: 'ok',
      'webhook configuration': 'ok',
      service: 'ok',
      caBundle: 'ok',
      certificate: 'ok',
      call: 'ok',
      "webhook's permissions": 'ok',
      'your permissions': 'ok',
    });
    const written = report.images.find(({ image }) => image === app.tagged);
    expect(written).toMatchObject({ state: 'pinned', digest: app.digest, credential: 'anonymous' });
    expect(written?.usedBy).toEqual(
      expect.arrayContaining(['deployment/web', 'statefulset/db', 'daemonset/agent', 'job/task']),
    );
    expect(code).toBe(0);
  });

  test.each(['best-effort', 'audit'] as const)('detects that the webhook is called in %s', async (mode) => {
    await using namespace = await createNamespace(cluster, mode);
    const { report } = await preflight(namespace.name);
    expect(resultsOf(report)).toMatchObject({ namespace: 'ok', call: 'ok' });
  });

  test('predicts the message with which enforce refuses a pod', async () => {
    await using namespace = await createNamespace(cluster);
    const wrong = `${app.name}:9.9`;
    const pods = [
      podManifest({ name: 'wrong-tag', image: wrong }),
      podManifest({ name: 'no-secret', image: secret.tagged }),
      podManifest({ name: 'no-image', image: 'NGINX' }),
    ];
    await succeed(namespace.apply(...pods));
    const { code, report } = await preflight(namespace.name);
    expect(code).toBe(1);
    expect(report.images.map(({ state }) => state)).toEqual(['refused', 'refused', 'refused']);

    await succeed(namespace.kubectl(['label', 'namespace', namespace.name, 'tagpin.dev/pin=enforce']));
    await succeed(namespace.kubectl(['delete', 'pods', '--all', '--wait']));
    for (const pod of pods) {
      const { stderr } = await namespace.apply(pod);
      const said = report.images.filter(({ message = 'nothing' }) => stderr.includes(message));
      expect(said).toHaveLength(1);
    }
  });

  test('names the pull secret of each pod that would pull from a registry', async () => {
    await using namespace = await createNamespace(cluster);
    await succeed(namespace.apply(regcred()));
    await succeed(
      namespace.kubectl(['patch', 'serviceaccount', 'default', `--patch=${JSON.stringify(withSecret)}`]),
    );
    await succeed(namespace.apply(podManifest({ image: secret.tagged })));
    const { code, report } = await preflight(namespace.name);
    expect(report.images).toMatchObject([
      { image: secret.tagged, digest: secret.digest, credential: `secret ${namespace.name}/regcred` },
    ]);
    expect(code).toBe(0);
  });

  test('reports a mistyped label, and a namespace that never takes part', async () => {
    await using namespace = await createNamespace(cluster);
    await succeed(namespace.kubectl(['label', 'namespace', namespace.name, 'tagpin.dev/pin=enforced']));
    const typo = await preflight(namespace.name);
    expect({ code: typo.code, ...resultsOf(typo.report) }).toMatchObject({ code: 1, namespace: 'problem' });
    const { report } = await preflight('kube-system');
    expect(report.checks[0]).toMatchObject({
      result: 'problem',
      detail: expect.stringContaining('never takes part'),
    });
  });

  test('reports that nothing is installed, and still checks the images', async () => {
    await using namespace = await createNamespace(cluster);
    await succeed(namespace.apply(podManifest({ image: app.tagged })));
    const { code, report } = await preflight(namespace.name, {
      config: { webhook: { webhookConfiguration: 'tagpin-elsewhere' } },
    });
    expect(report.checks.map(({ name, result }) => `${name}: ${result}`)).toEqual([
      'namespace: note',
      'webhook configuration: note',
      'your permissions: ok',
    ]);
    expect(report.images).toMatchObject([{ state: 'pinned', digest: app.digest }]);
    expect(code).toBe(0);
  });

  test('reports the checks for which a user with read access to the namespace lacks permission', async () => {
    await using namespace = await createNamespace(cluster, 'enforce');
    await succeed(namespace.apply(podManifest({ image: app.tagged })));
    const kubeconfig = await kubeconfigWith(cluster, namespace, 'view');
    const { report } = await preflight(namespace.name, { kubeconfig });
    expect(resultsOf(report)).toMatchObject({
      namespace: 'ok',
      'webhook configuration': 'not asked',
      service: 'not asked',
      call: 'not asked',
      "webhook's permissions": 'not asked',
      'your permissions': 'note',
    });
  });
});

// The session is recorded in .results/preflight.txt; to renew docs/preflight.md, copy it there.
test('docs/preflight.md: the session in it', async () => {
  const folder = mkdtempSync(join(cluster.directory, 'preflight-session-'));
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  symlinkSync(cluster.programs.kubectl, join(bin, 'kubectl'));
  copyFileSync(cluster.kubeconfig, join(folder, 'kubeconfig'));
  const trusted = { caFile: cluster.caFile };
  writeFileSync(
    join(folder, 'tagpin.yaml'),
    stringify({ registries: { [cluster.openRegistry]: trusted, [cluster.privateRegistry]: trusted } }),
  );
  const terminal = new Terminal(folder, {
    PATH: [cluster.packaged, bin, process.env['PATH']].join(delimiter),
    KUBECONFIG: join(folder, 'kubeconfig'),
  });
  const web = await images.push('shop/web', '1.4');
  const api = await images.pushPrivate('shop/api', '2.0');
  await using namespace = await createNamespace(cluster, undefined, 'shop');
  await succeed(
    namespace.apply(
      regcred(),
      deployment(web.tagged),
      deployment(api.tagged, {
        name: 'api',
        pod: { ...withSecret, containers: [{ name: 'app', image: api.tagged }] },
      }),
      cronJob(`${web.name}:nightly`, { name: 'report' }),
    ),
  );
  const config = '--registry-config tagpin.yaml';
  expect(
    await terminal.type(`kubectl tagpin preflight ${namespace.name} ${config}; echo "exit code $?"`),
  ).toMatchObject({
    output: expect.stringMatching(/pull|push the tag or correct the image(.|\n)*exit code 1$/),
  });
  terminal.say('the tag is pushed, and the namespace opts in');
  await images.push('shop/web', 'nightly');
  await terminal.type(`kubectl label namespace ${namespace.name} tagpin.dev/pin=enforce`);
  expect(
    await terminal.type(`kubectl tagpin preflight ${namespace.name} ${config}; echo "exit code $?"`),
  ).toMatchObject({
    output: expect.stringMatching(/exit code 0$/),
  });
  mkdirSync('.results', { recursive: true });
  const text = terminal.typed.map((entry) =>
    typeof entry === 'string' ? `# ${entry}` : `$ ${entry.command}\n${entry.output}`,
  );
  writeFileSync('.results/preflight.txt', `${text.join('\n')}\n`);
}, 120_000);
