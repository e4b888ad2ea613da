import { expect, test } from 'vitest';
import { z } from 'zod';
import {
  ecrRegistry,
  hostOf,
  isAzureRegistry,
  isGoogleRegistry,
} from '../../../src/credentials/cloud/hosts.ts';
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
      const host = hostOf(image);
      // Suffixes of one's own are Azure Stack's, which tagpin doesn't know.
      const known = loginServer !== '' && !loginServer.includes('configured custom suffix');
      expect(isAzureRegistry(host)).toBe(known);
      if (known) expect(host).toBe(loginServer);
    },
  ),
  gcp: cases(
    z.object({ host: z.string(), kubeletGlobs: z.boolean(), ggcrKeychain: z.boolean() }),
    ({ host, ggcrKeychain }) => `${host}: ${ggcrKeychain ? 'Google' : 'not Google'}`,
    ({ host, ggcrKeychain }) => expect(isGoogleRegistry(host)).toBe(ggcrKeychain),
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
  expect(ecrRegistry(host)).toMatchObject({
    kind: 'private',
    account: '123456789012',
    region: expect.any(String),
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
])("%j is nobody's", (host) => {
  expect([ecrRegistry(host), isAzureRegistry(host), isGoogleRegistry(host)]).toEqual([
    undefined,
    false,
    false,
  ]);
});

test('the port that https has anyway makes no difference', () => {
  expect(hostOf('123456789012.dkr.ecr.us-east-1.amazonaws.com:443/team/app')).toBe(
    '123456789012.dkr.ecr.us-east-1.amazonaws.com',
  );
  expect(hostOf('gcr.io:5000/team/app')).toBe('gcr.io:5000');
});
