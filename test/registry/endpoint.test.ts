import { expect, test } from 'vitest';
import type { RegistrySettings } from '../../src/config/registry-settings.ts';
import { Endpoints } from '../../src/registry/endpoint.ts';

function endpointsOf(host: string, settings: RegistrySettings): Endpoints {
  const registries = { settings: new Map([[host, settings]]) };
  return new Endpoints(() => registries);
}

test.each([
  ['docker.io', 'docker.io'],
  ['docker.io', 'registry-1.docker.io'],
  ['reg.example.com', 'reg.example.com:443'],
  ['reg.example.com:443', 'reg.example.com'],
  ['REG.example.com', 'reg.example.com'],
  ['reg.example.com:5000', 'REG.example.com:5000'],
])('what is configured for %s holds for %s', (configured, domain) => {
  const tls = { ca: ['a certificate'] };
  const endpoints = endpointsOf(configured, { tls });
  expect(endpoints.registry(domain).tls).toEqual(tls);
});

test('what is configured for one port holds for no other', () => {
  const endpoints = endpointsOf('reg.example.com:5000', { tls: { ca: ['a certificate'] } });
  expect(endpoints.registry('reg.example.com').tls).toEqual({});
});

test.each([
  ['REG.example.com', 'reg.example.com'],
  ['reg.example.com:05000', 'reg.example.com:5000'],
  ['[FD00:0:0::1]:5000', '[fd00::1]:5000'],
])('%s is %s in another spelling, and no other host', (domain, host) => {
  const registry = new Endpoints().registry(domain);
  expect(registry).toMatchObject({ host, namespace: undefined, takesCredentials: true });
});
