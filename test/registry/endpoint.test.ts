import { expect, test } from 'vitest';
import { Endpoints } from '../../src/registry/endpoint.ts';

test.each([
  ['docker.io', 'docker.io'],
  ['docker.io', 'registry-1.docker.io'],
  ['reg.example.com', 'reg.example.com:443'],
  ['reg.example.com:443', 'reg.example.com'],
  ['REG.example.com', 'reg.example.com'],
  ['reg.example.com:5000', 'REG.example.com:5000'],
])('what is configured for %s holds for %s', (configured, domain) => {
  const tls = { ca: ['a certificate'] };
  const endpoints = new Endpoints(new Map([[configured, { tls }]]));
  expect(endpoints.registry(domain).tls).toEqual(tls);
});

test('what is configured for one port holds for no other', () => {
  const endpoints = new Endpoints(new Map([['reg.example.com:5000', { tls: { ca: ['a certificate'] } }]]));
  expect(endpoints.registry('reg.example.com').tls).toEqual({});
});
