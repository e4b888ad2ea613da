import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { tagpin } from '../../support/command-line.ts';
import { image } from '../../support/registry/image.ts';
import { startRegistry } from '../../support/registry/registry.ts';
import { deployment, namespaceObject, pod, podOf, startAuditCluster } from './audits.ts';

/*
 * The session of docs/audit.md, at a small cluster. `SESSION=write npx vitest run test/commands/audit-session.test.ts`
 * writes it anew.
 */
const file = join(import.meta.dirname, '../../../docs/audit.md');
const SESSION = /(?<=```console\n).*?(?=```)/s;
const HOST = 'registry.example.com';

test('the session in docs/audit.md is what the command prints', async () => {
  await using cluster = await startAuditCluster();
  const kubeconfig = readFileSync(cluster.kubeconfig, 'utf8');
  writeFileSync(cluster.kubeconfig, kubeconfig.replaceAll('"embedded"', '"production"'));
  await using registry = await startRegistry();
  const push = (repository: string, tag: string, content: string) =>
    `${HOST}/${repository}@${registry.push(repository, tag, image({ content }))}`;
  const web = push('shop/web', 'latest', 'web');
  const before = push('shop/cart', '1.4', 'cart before');
  const after = push('shop/cart', '1.4', 'cart after');
  const bills = push('billing/api', '2.0', 'bills');
  const [cart, api] = [`${HOST}/shop/cart:1.4`, `${HOST}/billing/api:2.0`];
  cluster.put(
    namespaceObject('shop', 'enforced'),
    ...deployment({ namespace: 'shop', name: 'web', image: `${HOST}/shop/web`, pullPolicy: 'Always' }),
    ...['web-abc-1', 'web-abc-2'].map((name) =>
      podOf({ namespace: 'shop', deployment: 'web', name, image: `${HOST}/shop/web`, imageId: web }),
    ),
    ...deployment({ namespace: 'shop', name: 'cart', image: cart }),
    podOf({ namespace: 'shop', deployment: 'cart', name: 'cart-abc-1', image: cart, imageId: before }),
    podOf({ namespace: 'shop', deployment: 'cart', name: 'cart-abc-2', image: cart, imageId: after }),
    namespaceObject('billing', 'enforce'),
    ...deployment({ namespace: 'billing', name: 'api', image: api }),
    podOf({ namespace: 'billing', deployment: 'api', name: 'api-abc-1', image: bills, from: api }),
    namespaceObject('tools'),
    pod({ namespace: 'tools', name: 'debug', image: `${HOST}/shop/web:latest`, imageId: web }),
  );
  const config = join(cluster.folder, 'tagpin.yaml');
  const mirrors = [{ endpoint: registry.url }];
  writeFileSync(config, stringify({ registries: { [HOST]: { mirrors } } }));

  const text = readFileSync(file, 'utf8');
  const written = SESSION.exec(text)?.[0] ?? '';
  const commands = [...written.matchAll(/^\$ tagpin (.*)$/gm)].map(([, command = '']) => command);
  expect(commands.length).toBeGreaterThan(1);
  const shown = [];
  for (const command of commands) {
    const { stdout, stderr, code } = await tagpin([...command.split(' '), '--registry-config', config], {
      KUBECONFIG: cluster.kubeconfig,
    });
    expect(code).toBe(0);
    shown.push(`$ tagpin ${command}\n${stdout}${stderr}`);
  }
  const went = shown.join('\n');
  if (process.env['SESSION'] === 'write')
    writeFileSync(
      file,
      text.replace(SESSION, () => went),
    );
  else expect(went).toBe(written);
});
