import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ApiServer, startSecureApiServer } from '../support/api-server.ts';
import { tagpin } from '../support/command-line.ts';

const folder = mkdtempSync(join(tmpdir(), 'tagpin-unauthorized-'));
const kubeconfig = join(folder, 'kubeconfig');
let api: ApiServer;
beforeAll(async () => {
  api = await startSecureApiServer();
  api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
  await api.writeKubeconfig(kubeconfig);
  writeFileSync(kubeconfig, readFileSync(kubeconfig, 'utf8').replace('let-me-in', 'expired'));
});
afterAll(async () => {
  await api.close();
  rmSync(folder, { recursive: true });
});

test.each([
  ['audit', ['audit']],
  ['audit of a namespace', ['audit', '-n', 'shop']],
  ['resolve as a pod', ['resolve', '-n', 'shop', '127.0.0.1:1/app:1']],
  ['preflight', ['preflight', '-n', 'shop']],
  ['adopt', ['adopt', '-n', 'shop']],
])('tagpin %s with an expired token says to log in again, once', async (_what, command) => {
  const { code, stdout, stderr } = await tagpin([...command, '--kubeconfig', kubeconfig]);
  expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
  expect(stderr).toMatch(
    /^tagpin: .* can't be read: GET \S+: Unauthorized; log in to the cluster again, or correct the kubeconfig's credentials\n$/,
  );
});
