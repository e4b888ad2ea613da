import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiServer, startSecureApiServer } from '../../support/api-server.ts';
import { tagpin } from '../../support/command-line.ts';
import { type Folder, makeFolder } from '../../support/folder.ts';
import { image } from '../../support/registry/image.ts';
import { type Registry, startRegistry } from '../../support/registry/registry.ts';
import { pullSecret } from '../../webhook/webhooks.ts';

const password = 'correct-horse';
let folder: Folder;
let kubeconfig: string;
let api: ApiServer;
let registry: Registry;
let tagged: string;
let pinned: string;
beforeAll(async () => {
  folder = makeFolder();
  kubeconfig = join(folder.path, 'kubeconfig');
  api = await startSecureApiServer();
  await api.writeKubeconfig(kubeconfig);
  registry = await startRegistry({
    auth: { scheme: 'bearer' },
    users: [{ name: 'ada', password, pull: ['*'] }],
  });
  pinned = `${registry.host}/app:1.0@${registry.push('app', '1.0', image())}`;
  tagged = `${registry.host}/app:1.0`;
  api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team-a' } });
  api.put(pullSecret('registry', registry.host, 'ada', password, 'team-a'));
});
afterAll(async () => {
  await Promise.all([api.close(), registry.close()]);
  folder[Symbol.dispose]();
});

const pod = (image: string) =>
  `apiVersion: v1\nkind: Pod\nspec: {containers: [{name: c, image: "${image}"}]}\n`;
const asPod = (...args: string[]) =>
  tagpin(['pin', '--kubeconfig', kubeconfig, '-n', 'team-a', ...args, '-'], {}, pod(tagged));

describe('tagpin pin -n', () => {
  test('uses the pull secrets of the namespace', async () => {
    const { code, stdout } = await asPod('--pull-secret', 'registry');
    expect({ code, stdout }).toEqual({ code: 0, stdout: pod(pinned) });
  });

  test('names the missing ones if none is accepted', async () => {
    const { code, stdout, stderr } = await asPod('--pull-secret', 'other');
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toContain('pull secret "other" doesn\'t exist');
  });
});

test('tagpin pin says how to log in if there is no login', async () => {
  const { code, stderr } = await tagpin(['pin', '-'], {}, pod(tagged));
  expect(code).toBe(3);
  expect(stderr).toContain(`log in with "docker login ${registry.host}"`);
});
