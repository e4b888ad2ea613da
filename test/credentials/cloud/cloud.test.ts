import { createServer } from 'node:http';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { AzureCredentials } from '../../../src/credentials/cloud/azure.ts';
import { createCloudSources } from '../../../src/credentials/cloud/cloud.ts';
import { EcrCredentials } from '../../../src/credentials/cloud/ecr.ts';
import { GoogleCredentials } from '../../../src/credentials/cloud/google.ts';
import { clouds } from '../../../src/credentials/cloud/hosts.ts';
import { CredentialError } from '../../../src/credentials/source.ts';
import { patient } from '../../registry/clients.ts';
import { noConnections } from '../../support/connections.ts';
import { becomeOnly } from '../../support/environment.ts';

describe('the sources', () => {
  test('are all of them, in their order', () => {
    const sources = createCloudSources({ dispatcher: noConnections });
    expect(sources.map((source) => source.constructor)).toEqual([
      EcrCredentials,
      GoogleCredentials,
      AzureCredentials,
    ]);
  });

  test('are those that are wanted, each once, in their order whatever the configuration has', () => {
    const sources = createCloudSources({ dispatcher: noConnections, clouds: ['azure', 'ecr', 'azure'] });
    expect(sources.map((source) => source.constructor)).toEqual([EcrCredentials, AzureCredentials]);
    expect(createCloudSources({ dispatcher: noConnections, clouds: [] })).toEqual([]);
  });

  test.each(['docker.io/library/nginx', 'registry.k8s.io/pause', 'localhost:5000/app', '[::1]:5000/app'])(
    'have nothing for %s',
    async (repository) => {
      for (const source of createCloudSources({ dispatcher: noConnections, clouds })) {
        expect(await source.credentials(repository, patient())).toEqual([]);
      }
    },
  );
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
    const [ecr] = createCloudSources({
      dispatcher: noConnections,
      proxies: { https: `http://127.0.0.1:${address.port}`, noProxy: 'registry.internal' },
    });
    const image = '123456789012.dkr.ecr.eu-west-1.amazonaws.com/app';
    await expect(ecr?.credentials(image, patient())).rejects.toThrow(CredentialError);
    proxy.close();
    expect(new Set(targets)).toEqual(new Set(['api.ecr.eu-west-1.amazonaws.com:443']));
  });
});
