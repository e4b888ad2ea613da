import { createServer } from 'node:http';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { CloudCredentials } from '../../../src/credentials/cloud/cloud-credentials.ts';
import type { Cloud } from '../../../src/credentials/cloud/cloud-registry.ts';
import { CredentialError } from '../../../src/credentials/credential.ts';
import { patient } from '../../registry/clients.ts';
import { noConnections } from '../../support/connections.ts';
import { becomeOnly } from '../../support/environment.ts';

const ECR = '123456789012.dkr.ecr.eu-west-1.amazonaws.com/app';

test.each(['docker.io/library/nginx', 'registry.k8s.io/pause', 'localhost:5000/app', '[::1]:5000/app'])(
  'have nothing for %s',
  async (repository) => {
    const source = new CloudCredentials({ dispatcher: noConnections });
    expect(await source.credentials(repository, patient())).toEqual([]);
  },
);

describe('without an AWS identity', () => {
  beforeEach(() => becomeOnly({ AWS_EC2_METADATA_DISABLED: 'true' }));
  afterEach(() => vi.unstubAllEnvs());

  test('fail for an image of ECR', async () => {
    const source = new CloudCredentials({ dispatcher: noConnections, clouds: ['azure', 'ecr', 'azure'] });
    await expect(source.credentials(ECR, patient())).rejects.toThrow(/tagpin has no AWS identity/);
  });

  test("have nothing for it where the configuration doesn't list the cloud", async () => {
    for (const clouds of [[], ['google', 'azure']] satisfies Cloud[][]) {
      const source = new CloudCredentials({ dispatcher: noConnections, clouds });
      expect(await source.credentials(ECR, patient())).toEqual([]);
    }
  });
});

describe('behind a proxy', () => {
  afterEach(() => vi.unstubAllEnvs());

  test("ECR's API is reached through it", async () => {
    const targets: string[] = [];
    const proxy = createServer();
    // It lets nobody through, but has been asked.
    proxy.on('connect', ({ url = '' }, socket) => {
      targets.push(url);
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const address = proxy.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
    becomeOnly({ AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE', AWS_SECRET_ACCESS_KEY: 'example' });
    const source = new CloudCredentials({
      dispatcher: noConnections,
      proxies: { https: `http://127.0.0.1:${address.port}`, noProxy: 'registry.internal' },
    });
    await expect(source.credentials(ECR, patient())).rejects.toThrow(CredentialError);
    proxy.close();
    expect(new Set(targets)).toEqual(new Set(['api.ecr.eu-west-1.amazonaws.com:443']));
  });
});
