import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { loadConfig } from '../../src/config.ts';
import { createAuthority } from '../support/authority.ts';
import { makeFolder } from '../support/folder.ts';
import { readManifest } from './read.ts';

const manifests = join(import.meta.dirname, '../../manifests');
const data = z.object({ data: z.record(z.string(), z.string()) });

/** What the manifests have of the configuration, each file with what it names moved to where it is in this test. */
async function mounted() {
  const authority = await createAuthority();
  const { cert, key } = await authority.issue(['tagpin.tagpin-system.svc']);
  const folder = makeFolder({
    'tls/tls.crt': cert,
    'tls/tls.key': key,
    'certs.d/docker.io/hosts.toml': readFileSync(
      join(manifests, 'components/mirrors/docker.io.toml'),
      'utf8',
    ),
  });
  const here = (text: string) =>
    text
      .replaceAll('/etc/tagpin-tls', `${folder.path}/tls`)
      .replaceAll('/etc/containerd/certs.d', `${folder.path}/certs.d`);
  folder.write('config/config.yaml', readFileSync(join(manifests, 'base/config.yaml'), 'utf8'));
  folder.write(
    'config/certificate.yaml',
    here(readManifest('overlays/cert-manager/config.yaml', 'ConfigMap', data).data['certificate.yaml'] ?? ''),
  );
  folder.write(
    'config/mirrors.yaml',
    here(readManifest('components/mirrors/config.yaml', 'ConfigMap', data).data['mirrors.yaml'] ?? ''),
  );
  return folder;
}

test('what the overlays and components configure is valid, and can be had all together', async () => {
  using folder = await mounted();
  const config = loadConfig(`${folder.path}/config`);
  expect(config.webhook.certificate).toEqual({
    certFile: `${folder.path}/tls/tls.crt`,
    keyFile: `${folder.path}/tls/tls.key`,
  });
  expect(config.certsDirectory).toBe(`${folder.path}/certs.d`);
});
