import { describe, expect, test } from 'vitest';
import { parseKubeconfig } from '../../../src/kubernetes/kubeconfig/kubeconfig.ts';
import { mergeKubeconfigs, withAbsolutePaths } from '../../../src/kubernetes/kubeconfig/merge.ts';

const file = (text: string) => parseKubeconfig(Buffer.from(text), 'file');
const cluster = (name: string, server: string) => `clusters: [{name: ${name}, cluster: {server: ${server}}}]`;

describe('of several kubeconfigs', () => {
  test('the first that has a current context says which', () => {
    const merged = mergeKubeconfigs([
      file('current-context:'),
      file('current-context: staging'),
      file('current-context: production'),
    ]);
    expect(merged.currentContext).toBe('staging');
  });

  test('the first with an entry of a name has it whole, and all names are there', () => {
    const { clusters } = mergeKubeconfigs([
      file('clusters: [{name: a, cluster: {proxy-url: p}}]'),
      file(cluster('a', 'x')),
      file(cluster('b', 'z')),
    ]);
    expect(clusters.get('a')).toMatchObject({ server: '', 'proxy-url': 'p' });
    expect(clusters.get('b')).toMatchObject({ server: 'z' });
  });
});

test('paths count from the folder of their file, unless they are absolute, empty, or a program in PATH', () => {
  const { clusters, users } = withAbsolutePaths(
    file(`
clusters:
- {name: a, cluster: {certificate-authority: ca.pem}}
- {name: b, cluster: {certificate-authority: /x/ca.pem}}
users:
- {name: a, user: {client-certificate: ../c, client-key: ./k, tokenFile: t, exec: {command: bin/plugin}}}
- {name: b, user: {exec: {command: plugin}}}`),
    '/home/ada/.kube',
  );
  expect(clusters.get('a')).toMatchObject({ 'certificate-authority': '/home/ada/.kube/ca.pem' });
  expect(clusters.get('b')).toMatchObject({ 'certificate-authority': '/x/ca.pem' });
  expect(users.get('a')).toMatchObject({
    'client-certificate': '/home/ada/c',
    'client-key': '/home/ada/.kube/k',
    tokenFile: '/home/ada/.kube/t',
    exec: { command: '/home/ada/.kube/bin/plugin' },
  });
  expect(users.get('b')).toMatchObject({ tokenFile: '', exec: { command: 'plugin' } });
});

test.each([
  [
    'users: [{name: a, user: {token: 123}}]',
    'users[0].user.token: expected string, received number; correct the file',
  ],
  ['clusters: [{name: a}, {name: a}]', 'clusters has two entries called "a"; rename or remove one'],
  [
    'users: [{name: a, user: {client-key-data: "=secret"}}]',
    'users[0].user.client-key-data: expected base64',
  ],
  ['kind: Pod', 'kind: expected Config'],
])('a kubeconfig that Go would not decode is refused: %s', (text, message) => {
  expect(() => file(text)).toThrow(`kubeconfig file is invalid: ${message}`);
});
