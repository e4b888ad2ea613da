import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiServer, startSecureApiServer } from '../support/api-server.ts';
import { interrupted, tagpin } from '../support/command-line.ts';
import { image } from '../support/registry/image.ts';
import { type Registry, startRegistry } from '../support/registry/registry.ts';
import { pullSecret } from '../webhook/webhooks.ts';

const folder = mkdtempSync(join(tmpdir(), 'tagpin-resolve-as-pod-'));
const kubeconfig = join(folder, 'kubeconfig');
const password = 'correct-horse';
let api: ApiServer;
let registry: Registry;
let app: string;
let digest: string;

beforeAll(async () => {
  api = await startSecureApiServer();
  await api.writeKubeconfig(kubeconfig);
  registry = await startRegistry({
    auth: { scheme: 'bearer' },
    users: [{ name: 'ada', password, pull: ['*'] }],
    public: ['open/*'],
  });
  app = `${registry.host}/private/app:1.0`;
  digest = registry.push('private/app', '1.0', image());
  api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team-a' } });
  api.put(pullSecret('right', registry.host, 'ada', password, 'team-a'));
  api.put(pullSecret('wrong', registry.host, 'ada', 'hunter2', 'team-a'));
  api.put({ ...pullSecret('broken', registry.host, 'ada', password, 'team-a'), data: broken });
  api.put({ ...pullSecret('opaque', registry.host, 'ada', password, 'team-a'), type: 'Opaque' });
  api.put(serviceAccount('default', 'wrong'));
  api.put(serviceAccount('builder', 'right'));
});
afterAll(async () => {
  await Promise.all([api.close(), registry.close()]);
  rmSync(folder, { recursive: true });
});

const broken = { '.dockerconfigjson': Buffer.from('{"auths":"hunter2"}').toString('base64') };

const serviceAccount = (name: string, secret: string) => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { namespace: 'team-a', name },
  imagePullSecrets: [{ name: secret }],
});

/** Without `-n`, for the tests that leave it out. */
const resolve = (...args: string[]) => tagpin(['resolve', '--kubeconfig', kubeconfig, ...args]);
const asPod = (...args: string[]) => resolve('-n', 'team-a', ...args);

describe('tagpin resolve as a pod would', () => {
  test('uses the pull secrets that are named, in their order', async () => {
    const secrets = ['--pull-secret', 'wrong', '--pull-secret', 'right'];
    const { code, stdout, stderr } = await asPod(...secrets, '-o', 'json', app);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject([{ digest, credential: 'secret team-a/right' }]);
    expect(stdout).not.toContain(password);
  });

  test("uses a ServiceAccount's", async () => {
    expect((await asPod('--service-account', 'builder', app)).stdout).toBe(`${digest}\n`);
  });

  test("uses the default ServiceAccount's, and nobody's own login", async () => {
    const config = join(folder, 'config.json');
    writeFileSync(config, JSON.stringify({ auths: { [registry.host]: { username: 'ada', password } } }));
    const args = ['resolve', '--kubeconfig', kubeconfig, '-n', 'team-a', app];
    const { code, stderr } = await tagpin(args, { DOCKER_CONFIG: folder });
    expect(code).toBe(3);
    expect(stderr).toBe(
      `${app}: access refused (401 UNAUTHORIZED); correct the credentials in secret team-a/wrong, or the image\n`,
    );
    expect((await asPod('--docker-config', config, app)).stdout).toBe(`${digest}\n`);
  });

  test('takes the namespace from the kubeconfig where none is given', async () => {
    const { code, stderr } = await resolve('--pull-secret', 'right', app);
    expect(code).toBe(3);
    expect(stderr).toContain(`pull secret "right" doesn't exist in namespace default`);
  });

  test('warns of pull secrets that are missing or broken, and goes on', async () => {
    const open = registry.push('open/app', '1.0', image());
    const secrets = ['--pull-secret', 'forgotten', '--pull-secret', 'broken'];
    const { code, stdout, stderr } = await asPod(...secrets, `${registry.host}/open/app:1.0`);
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${open}\n` });
    expect(stderr).toContain('tagpin: warning: pull secret "forgotten" doesn\'t exist in namespace team-a\n');
    expect(stderr).toContain(
      'tagpin: warning: pull secret "broken" in namespace team-a: invalid docker config',
    );
    expect(stderr).not.toContain('hunter2');
  });

  test('says what to mend where nothing matches', async () => {
    const { code, stderr } = await asPod('--pull-secret', 'forgotten', app);
    expect(code).toBe(3);
    expect(stderr).toContain(`${app}: access refused`);
    expect(stderr).toContain('pull secret "forgotten" doesn\'t exist; create it or correct imagePullSecrets');
  });

  test('says which pull secret has a type that the kubelet passes over', async () => {
    const { code, stderr } = await asPod('--pull-secret', 'opaque', app);
    expect(code).toBe(3);
    expect(stderr).toBe(
      `${app}: access refused (401); pull secret "opaque" has type "Opaque", which the kubelet passes over; create it as kubernetes.io/dockerconfigjson\n`,
    );
  });
});

describe('tagpin resolve fails, with exit code 3, for', () => {
  test('a namespace that is not there', async () => {
    expect(await resolve('-n', 'nowhere', app)).toMatchObject({
      code: 3,
      stdout: '',
      stderr: 'tagpin: namespace "nowhere" doesn\'t exist; correct its name or the kubeconfig\'s context\n',
    });
  });

  test('a ServiceAccount that is not there', async () => {
    const { code, stdout, stderr } = await asPod('--service-account', 'nobody', app);
    expect({ code, stdout, stderr }).toEqual({
      code: 3,
      stdout: '',
      stderr:
        'tagpin: service account "nobody" doesn\'t exist in namespace team-a; create it or correct its name\n',
    });
  });

  test('Secrets that may not be read', async () => {
    const restore = api.fail({ resource: 'secrets', effect: 'forbidden' });
    const { code, stderr } = await asPod('--pull-secret', 'right', app);
    restore();
    expect(code).toBe(3);
    expect(stderr).toMatch(/^tagpin: pull secrets can't be read: .*cannot get resource "secrets".*; ask for/);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  test('a kubeconfig that is not there', async () => {
    const { code, stderr } = await tagpin(['resolve', '-n', 'x', '--kubeconfig', '/nonexistent/config', app]);
    expect(code).toBe(2);
    expect(stderr).toContain("kubeconfig /nonexistent/config can't be read: ");
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  test('no kubeconfig at all, outside of a pod', async () => {
    expect(await tagpin(['resolve', '-n', 'x', app])).toMatchObject({
      code: 2,
      stderr:
        'tagpin: there is no kubeconfig, and this is no pod; give --kubeconfig, set KUBECONFIG, or write ~/.kube/config\n',
    });
  });

  test('a context that the kubeconfig has not', async () => {
    const { code, stderr } = await asPod('--context', 'nowhere', app);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^tagpin: the kubeconfig has no context "nowhere"; it has "[^"]+"\n$/);
  });
});

test('Ctrl-C ends it at once while the API server hangs', async () => {
  const restore = api.fail({ resource: 'secrets', effect: { outcome: 'hang' } });
  const args = ['resolve', '--kubeconfig', kubeconfig, '-n', 'team-a', '--pull-secret', 'right', app];
  const asked = api.requests.of('secrets').length;
  const { code } = await interrupted(args, () => api.requests.of('secrets').length > asked);
  restore();
  expect(code).toBe(130);
});
