import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { tagpin } from '../../support/command-line.ts';
import { makeFolder } from '../../support/folder.ts';
import { image } from '../../support/registry/image.ts';
import { type Registry, startRegistry } from '../../support/registry/registry.ts';

let registry: Registry;
let tagged: string;
let pinned: string;
beforeAll(async () => {
  registry = await startRegistry();
  pinned = `${registry.host}/web:1.0@${registry.push('web', '1.0', image())}`;
  tagged = `${registry.host}/web:1.0`;
});
afterAll(() => registry.close());

const deployment = (image: string) => `- apiVersion: apps/v1
  kind: Deployment # of the shop
  metadata:
    name: web
    namespace: shop
    annotations:
      internal.config.kubernetes.io/path: 'k8s/web.yaml'
      internal.config.kubernetes.io/index: '2'
  spec:
    template:
      spec:
        containers:
        - name: web
          image: ${image} # by tag
`;
const resourceList = (items: string, functionConfig = '') =>
  `apiVersion: config.kubernetes.io/v1\nkind: ResourceList\n${functionConfig}items:\n${items}`;

/** What every result says of where it belongs. */
const place = {
  resourceRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', namespace: 'shop' },
  file: { path: 'k8s/web.yaml', index: 2 },
};
const path = 'spec.template.spec.containers[0].image';

describe('as a KRM function, tagpin pin', () => {
  test('pins the items, keeps everything else, and reports what it has done', async () => {
    const { code, stdout, stderr } = await tagpin(['pin', '-'], {}, resourceList(deployment(tagged)));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.startsWith(resourceList(deployment(pinned)))).toBe(true);
    expect(parse(stdout).results).toEqual([
      {
        message: `pinned to ${pinned}`,
        severity: 'info',
        ...place,
        field: { path, currentValue: tagged, proposedValue: pinned },
      },
    ]);
  });

  test('fails with the problem as a result, and on standard error', async () => {
    const missing = `${registry.host}/missing:1`;
    const text = resourceList(deployment(tagged) + deployment(missing));
    const { code, stdout, stderr } = await tagpin(['pin', '-'], {}, text);
    expect(code).toBe(3);
    expect(stdout.startsWith(text)).toBe(true);
    expect(parse(stdout).results).toEqual([
      {
        message: expect.stringContaining(`${missing}: not found`),
        severity: 'error',
        ...place,
        field: { path, currentValue: missing },
      },
    ]);
    expect(stderr).toMatch(/^k8s\/web\.yaml: Deployment "web", spec\.template.*: not found .*\n$/);
  });

  test('takes its options from functionConfig', async () => {
    const config =
      'functionConfig:\n  apiVersion: tagpin.dev/v1\n  kind: Pin\n  spec: {keepTag: true, pullPolicy: true}\n';
    const { stdout } = await tagpin(['pin', '-'], {}, resourceList(deployment(tagged), config));
    const [{ spec }] = parse(stdout).items;
    expect(spec.template.spec.containers).toEqual([
      { name: 'web', image: pinned, imagePullPolicy: 'IfNotPresent' },
    ]);
  });

  test("takes them from a ConfigMap's data", async () => {
    const config = 'functionConfig:\n  apiVersion: v1\n  kind: ConfigMap\n  data: {check: "true"}\n';
    const text = resourceList(deployment(tagged), config);
    const { code, stdout } = await tagpin(['pin', '-'], {}, text);
    expect(code).toBe(1);
    expect(stdout.startsWith(text)).toBe(true);
    expect(parse(stdout).results).toMatchObject([{ severity: 'error', message: `${tagged}: not pinned` }]);
  });

  test('names all mistakes in its options', async () => {
    const config = 'functionConfig: {spec: {keeptag: true, timeout: 3}}\n';
    const { code, stdout, stderr } = await tagpin(['pin', '-'], {}, resourceList(deployment(tagged), config));
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('spec.keeptag: no such option');
    expect(stderr).toContain('spec.timeout: ');
  });

  test('takes and gives JSON', async () => {
    const list = parse(resourceList(deployment(tagged)));
    const { stdout } = await tagpin(['pin', '-'], {}, JSON.stringify(list));
    const answer = JSON.parse(stdout);
    expect(answer.items).toEqual(parse(deployment(pinned)));
    expect(answer.results).toHaveLength(1);
  });

  test('adds to existing results', async () => {
    const text = `${resourceList(deployment(tagged))}results:\n- message: earlier\n`;
    const { stdout } = await tagpin(['pin', '-'], {}, text);
    expect(parse(stdout).results).toMatchObject([{ message: 'earlier' }, { severity: 'info' }]);
  });

  test('uses a lock beside the kustomization', async () => {
    using folder = makeFolder();
    const config = `functionConfig: {spec: {lock: ${JSON.stringify(join(folder.path, 'tagpin.lock'))}}}\n`;
    await tagpin(['pin', '-'], {}, resourceList(deployment(tagged), config));
    const frozen = config.replace('}}', ', frozen: true}}');
    const asked = registry.requests.manifests('web').length;
    const { code, stdout } = await tagpin(['pin', '-'], {}, resourceList(deployment(tagged), frozen));
    expect(code).toBe(0);
    expect(stdout).toContain(pinned);
    expect(registry.requests.manifests('web')).toHaveLength(asked);
  });
});
