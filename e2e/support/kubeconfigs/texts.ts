import type { KubeconfigCase } from './case.ts';
import { kubeconfig } from './text.ts';

const usual = kubeconfig();
const at = (of: string, text: string | Uint8Array) => ({ of, files: { '.kube/config': text } });
const asJson = JSON.stringify(
  {
    kind: 'Config',
    apiVersion: 'v1',
    clusters: [{ name: 'one', cluster: { server: '{{staging}}', 'certificate-authority-data': '{{ca}}' } }],
    users: [{ name: 'one', user: { token: 'letmein-token' } }],
    contexts: [{ name: 'one', context: { cluster: 'one', user: 'one' } }],
    'current-context': 'one',
  },
  null,
  '\t',
);
const plain = kubeconfig({ cluster: 'server: "http://127.0.0.1:1"' });

/** How the text is read: as Go reads YAML and JSON. */
export const texts: readonly KubeconfigCase[] = [
  at('JSON with tabs', asJson),
  at('JSON on one line', JSON.stringify(JSON.parse(asJson.replaceAll('\t', '')))),
  at('a byte order mark', `\ufeff${usual}`),
  at('lines that end as on Windows', usual.replaceAll('\n', '\r\n')),
  at('a document marker', `---\n${usual}`),
  at("a second document, which doesn't count", `${usual}---\ncurrent-context: two\n`),
  at('a second document that is broken', `${usual}---\n}{ [\n`),
  at('an end marker', `${usual}...\n`),
  at('a directive', `%YAML 1.1\n---\n${usual}`),
  at('comments', `# a\n${usual.replaceAll('\n', ' # b\n')}`),
  at('neither kind nor apiVersion', usual.replace(/^(?:apiVersion|kind):.*\n/gm, '')),
  at('a null apiVersion', usual.replace('apiVersion: v1', 'apiVersion:')),
  at('fields that nobody knows', `preferences: {colors: true}\nmine: [1, 2]\n${usual}`),
  at('a key twice, of which the last counts', `current-context: nowhere\n${usual}`),
  at(
    'a server twice, of which the last counts',
    usual.replace('server:', 'server: "http://127.0.0.1:1", server:'),
  ),
  at('all users twice, of which the last count', usual.replace('users:', 'users: []\nusers:')),
  at(
    'entries with nothing in them',
    usual
      .replace('clusters:', 'clusters:\n- name: unused\n- null')
      .replace('users:', 'users:\n- {name: unused}\n-')
      .replace('contexts:', 'contexts:\n- {name: unused, context: null}'),
  ),
  at('nulls for lists', `${usual.replace('contexts:', 'extensions: null\npreferences: null\ncontexts:')}`),
  at(
    'nulls for texts',
    kubeconfig({
      context: 'namespace: null',
      user: 'token: letmein-token, tokenFile: null, as: ~, as-groups: null, as-user-extra: null, exec: null, auth-provider: null',
    }),
  ),
  at(
    'nulls for switches',
    kubeconfig({
      cluster: 'server: "{{staging}}", certificate-authority-data: {{ca}}, insecure-skip-tls-verify: null',
    }),
  ),
  at(
    'anchors and aliases',
    usual.replace('context: {', 'context: &x {').replace('current-context', 'more: *x\ncurrent-context'),
  ),
  at(
    'a merge key',
    `${usual.replace('context: {cluster: one, user: one}', 'context: {<<: *all, namespace: blue}')}`.replace(
      'apiVersion',
      'all: &all {cluster: one, user: one, namespace: red}\napiVersion',
    ),
  ),
  at(
    'a merge key after the keys',
    `${usual.replace('context: {cluster: one, user: one}', 'context: {namespace: blue, <<: *all}')}`.replace(
      'apiVersion',
      'all: &all {cluster: one, user: one, namespace: red}\napiVersion',
    ),
  ),
  at(
    'a folded text',
    usual.replace('user: {token: letmein-token}', 'user:\n    token: >-\n      letmein-token'),
  ),
  at(
    'base64 over several lines',
    usual.replace(
      'cluster: {server: "{{staging}}", certificate-authority-data: {{ca}}}',
      'cluster:\n    server: "{{staging}}"\n    certificate-authority-data: |\n      {{ca}}\n',
    ),
  ),
  at(
    'quotes of both kinds',
    usual
      .replace('current-context: one', "'current-context': 'one'")
      .replace('token: letmein-token', '"token": "letmein\\x2dtoken"'),
  ),
  at(
    'a boolean of YAML 1.1',
    kubeconfig({ cluster: 'server: "{{staging}}", insecure-skip-tls-verify: yes' }),
  ),
  at(
    'another boolean of YAML 1.1',
    kubeconfig({ cluster: 'server: "{{staging}}", insecure-skip-tls-verify: On' }),
  ),
  at('a token like a time, which is a text', kubeconfig({ user: 'token: 12:30:45' })),
  at('a token like a date, which is a text', kubeconfig({ user: 'token: 2021-01-01' })),
  at('a token that starts like a number', kubeconfig({ user: 'token: 0x12zz' })),
  at('a token with underscores', kubeconfig({ user: 'token: _1_000' })),
  at('a number for a name, tagged as a text', kubeconfig({ context: 'namespace: !!str 17' })),
  { ...at('UTF-16, as PowerShell writes it', `\ufeff${usual}`), encoding: 'utf16le' },
  ...[
    [
      'a number for a token',
      kubeconfig({ user: 'token: 12345' }),
      /users\[0\]\.user\.token: expected string, received number/,
    ],
    [
      'an octal number for a token',
      kubeconfig({ user: 'token: 0123' }),
      /users\[0\]\.user\.token: expected string, received number/,
    ],
    [
      'a boolean for a namespace',
      kubeconfig({ context: 'namespace: no' }),
      /contexts\[0\]\.context\.namespace: expected string, received boolean/,
    ],
    [
      'a text for a switch',
      kubeconfig({ cluster: 'server: "{{staging}}", insecure-skip-tls-verify: "true"' }),
      /insecure-skip-tls-verify: expected boolean/,
    ],
    [
      "a CA that isn't base64",
      kubeconfig({ cluster: 'server: "{{staging}}", certificate-authority-data: "%%%%"' }),
      /certificate-authority-data: expected base64/,
    ],
    [
      'base64 without its padding',
      kubeconfig({ cluster: 'server: "{{staging}}", certificate-authority-data: "YQ"' }),
      /certificate-authority-data: expected base64/,
    ],
    ['another kind', usual.replace('kind: Config', 'kind: Pod'), /kind: expected Config/],
    ['another version', usual.replace('apiVersion: v1', 'apiVersion: v2'), /apiVersion: expected v1/],
    ['a list instead of an object', '- one\n- two\n', /expected object, received array/],
    ['a text instead of an object', 'hello\n', /expected object, received string/],
    ['an object instead of a list', usual.replace(/users:\n- /, 'users:\n  '), /users: expected array/],
    [
      'a context twice',
      usual.replace('contexts:', 'contexts:\n- {name: one, context: {cluster: one, user: one}}'),
      /contexts has two entries called "one"/,
    ],
    ['an alias without an anchor', `x: *nothing\n${usual}`, /an alias has no anchor|no valid YAML/],
    ['a tab for indentation', usual.replace('  cluster:', '\tcluster:'), /no valid YAML/],
    ['bytes that are no text', Uint8Array.of(0x61, 0x3a, 0x20, 0xff, 0xfe, 0x0a), /no text in UTF-8/],
  ].map(([of, text, refused]) => ({
    ...at(String(of), text instanceof Uint8Array ? text : String(text)),
    refused: refused instanceof RegExp ? refused : /$^/,
  })),
  {
    ...at(
      "brackets that aren't indented",
      usual.replace('context: {cluster: one, user: one}', 'context: {\n"cluster": "one",\n"user": "one"\n}'),
    ),
  },
  { of: 'a server where nothing listens', files: { '.kube/config': plain }, refused: /ECONNREFUSED/ },
];
