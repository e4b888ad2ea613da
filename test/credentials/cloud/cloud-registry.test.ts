import { expect, test } from 'vitest';
import { z } from 'zod';
import { cloudRegistryOf, ecrRegistry } from '../../../src/credentials/cloud/cloud-registry.ts';
import { cases, vectors } from '../../support/vectors.ts';

const ecrMatch = z.discriminatedUnion('provider', [
  z.object({
    provider: z.literal('ecr'),
    account: z.string(),
    fips: z.boolean(),
    region: z.string(),
    domain: z.string(),
  }),
  z.object({ provider: z.literal('ecr-public'), apiRegion: z.literal('us-east-1') }),
]);

vectors('cloudhosts.json', {
  ecr: cases(
    z.object({ host: z.string(), match: ecrMatch.nullable() }),
    ({ host, match }) => `${host}: ${match?.provider ?? 'not ECR'}`,
    ({ host, match }) => {
      if (match === null) return expect(ecrRegistry(host)).toBeUndefined();
      if (match.provider === 'ecr-public') return expect(ecrRegistry(host)).toEqual({ kind: 'public' });
      const { provider: _, ...registry } = match;
      expect(ecrRegistry(host)).toEqual({ kind: 'private', ...registry });
    },
  ),
  acr: cases(
    z.object({ image: z.string(), loginServer: z.string() }),
    ({ image, loginServer }) => `${image}: ${loginServer || 'not ACR'}`,
    ({ image, loginServer }) => {
      const found = cloudRegistryOf(image);
      // Custom suffixes are Azure Stack's, which tagpin doesn't know.
      const known = loginServer !== '' && !loginServer.includes('configured custom suffix');
      if (known) expect(found).toEqual({ cloud: 'azure', host: loginServer });
      else expect(found?.cloud).not.toBe('azure');
    },
  ),
  gcp: cases(
    z.object({ host: z.string(), kubeletGlobs: z.boolean(), ggcrKeychain: z.boolean() }),
    ({ host, ggcrKeychain }) => `${host}: ${ggcrKeychain ? 'Google' : 'not Google'}`,
    ({ host, ggcrKeychain }) => expect(cloudRegistryOf(host)?.cloud === 'google').toBe(ggcrKeychain),
  ),
});

test.each([
  '123456789012.dkr.ecr.eu-west-1.amazonaws.com',
  '123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com',
  '123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn',
  '123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn',
  '123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu',
  '123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov',
  '123456789012.dkr.ecr.us-isof-south-1.csp.hci.ic.gov',
])('%s is a registry of an account, in whichever partition', (host) => {
  expect(cloudRegistryOf(host)).toMatchObject({
    cloud: 'ecr',
    registry: { kind: 'private', account: '123456789012', region: expect.any(String) },
  });
});

test.each([
  'x123456789012.dkr.ecr.eu-west-1.amazonaws.com',
  '123456789012.dkr.ecr.eu-west-1.evil.com.amazonaws.com',
  '123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.com',
  '123456789012.dkrxecr.eu-west-1.amazonaws.com',
  '123456789012.dkr.ecr.eu-west-1xamazonaws.com',
  'foo.azurecr.io.evil.com',
  'azurecr.io',
  '.azurecr.io',
  'foo.azurecr.io:5000',
  'evil.com#.azurecr.io',
  'evil.com\n.azurecr.io',
  'gcr.io:5000',
  'evil.com\\.gcr.io',
  'accounts.google.com',
])('%j belongs to no cloud', (host) => {
  expect(cloudRegistryOf(host)).toBeUndefined();
});

test('port 443 makes no difference, and any other port does', () => {
  expect(cloudRegistryOf('example.azurecr.io:443/team/app')).toEqual({
    cloud: 'azure',
    host: 'example.azurecr.io',
  });
  expect(cloudRegistryOf('gcr.io:5000/team/app')).toBeUndefined();
});
