import type { KubeconfigCase } from './case.ts';
import { aToken, kubeconfig, production, staging } from './text.ts';

const two = {
  a: kubeconfig({ cluster: staging, user: 'token: token-of-staging', context: 'namespace: blue' }, 'staging'),
  b: kubeconfig({ cluster: production, user: 'token: token-of-production' }, 'production'),
};
const both = { KUBECONFIG: '{{folder}}/a:{{folder}}/b' };
const part = (text: string) => `apiVersion: v1\nkind: Config\n${text}\n`;
const relative = (path: string) =>
  kubeconfig({ cluster: `server: "{{staging}}", certificate-authority: "${path}"` });

/** Which files count, and how several become one. */
export const files: readonly KubeconfigCase[] = [
  { of: 'the file at home', files: { '.kube/config': kubeconfig() } },
  { of: 'a file by --kubeconfig', files: two, flags: ['--kubeconfig', '{{folder}}/b'] },
  {
    of: 'a file by --kubeconfig, relative to the working directory',
    files: two,
    flags: ['--kubeconfig', 'b'],
  },
  {
    of: 'a file by --kubeconfig, before KUBECONFIG and home',
    files: { ...two, '.kube/config': kubeconfig() },
    env: { KUBECONFIG: '{{folder}}/a' },
    flags: ['--kubeconfig', '{{folder}}/b'],
  },
  {
    of: 'a file of KUBECONFIG, before home',
    files: { ...two, '.kube/config': kubeconfig() },
    env: { KUBECONFIG: '{{folder}}/b' },
  },
  { of: 'a relative path in KUBECONFIG', files: two, env: { KUBECONFIG: 'a' } },
  { of: 'two files, of which the first names the context', files: two, env: both },
  { of: 'two files, in the other order', files: two, env: { KUBECONFIG: '{{folder}}/b:{{folder}}/a' } },
  {
    of: 'the context of the second file by --context',
    files: two,
    env: both,
    flags: ['--context', 'production'],
  },
  { of: 'empty entries in KUBECONFIG', files: two, env: { KUBECONFIG: ':{{folder}}/b::' } },
  {
    of: 'a file twice in KUBECONFIG',
    files: two,
    env: { KUBECONFIG: '{{folder}}/a:{{folder}}/a:{{folder}}/b' },
  },
  {
    of: 'the same file by two paths',
    files: two,
    env: { KUBECONFIG: '{{folder}}/a:{{folder}}/./a' },
  },
  { of: 'a missing file before another', files: two, env: { KUBECONFIG: '{{folder}}/missing:{{folder}}/b' } },
  { of: 'a missing file after another', files: two, env: { KUBECONFIG: '{{folder}}/b:{{folder}}/missing' } },
  {
    of: 'an empty file before another',
    files: { ...two, empty: '' },
    env: { KUBECONFIG: '{{folder}}/empty:{{folder}}/b' },
  },
  {
    of: 'a file of comments before another',
    files: { ...two, empty: '# nothing\n\n' },
    env: { KUBECONFIG: '{{folder}}/empty:{{folder}}/b' },
  },
  {
    of: 'a file without a current context before one with',
    files: { ...two, first: kubeconfig({ current: '""' }) },
    env: { KUBECONFIG: '{{folder}}/first:{{folder}}/b' },
  },
  {
    of: 'a file whose current context is null before one with',
    files: { ...two, first: kubeconfig({ current: 'null' }) },
    env: { KUBECONFIG: '{{folder}}/first:{{folder}}/b' },
  },
  {
    of: 'an entry of the same name in both: the first file counts, whole',
    files: {
      a: kubeconfig({ cluster: staging, user: 'username: someone, password: password-1' }),
      b: kubeconfig({ cluster: production, user: 'token: token-of-b', context: 'namespace: green' }),
    },
    env: both,
  },
  {
    of: 'a context of the first file with the cluster and the user of the second',
    files: {
      a: part(
        'contexts: [{name: x, context: {cluster: one, user: one, namespace: red}}]\ncurrent-context: x',
      ),
      b: kubeconfig(),
    },
    env: both,
  },
  {
    of: 'a current context of the first file that only the second has',
    files: { a: part('current-context: production'), b: two.b },
    env: both,
  },
  {
    of: 'a current context that no file has',
    files: { a: part('current-context: nowhere'), b: two.b },
    env: both,
    refused: /current-context is "nowhere", which it doesn't have; it has "production"/,
  },
  {
    of: "a context by --context that there isn't",
    files: two,
    env: both,
    flags: ['--context', 'nowhere'],
    refused:
      /no context "nowhere"; it has "production", "staging"|no context "nowhere"; it has "staging", "production"/,
  },
  {
    of: 'three files',
    files: { ...two, c: kubeconfig({ user: 'token: token-of-c' }, 'third') },
    env: { KUBECONFIG: '{{folder}}/c:{{folder}}/a:{{folder}}/b' },
  },
  {
    of: 'a broken file behind a good one',
    files: { ...two, broken: 'a: b: c' },
    env: { KUBECONFIG: '{{folder}}/a:{{folder}}/broken' },
    refused: /kubeconfig .*\/broken can't be read: line 1 is no valid YAML/,
  },
  {
    of: 'a folder in KUBECONFIG',
    files: two,
    env: { KUBECONFIG: '{{folder}}:{{folder}}/a' },
    refused: /can't be read: it is a folder; correct KUBECONFIG/,
  },
  {
    of: 'a path below a file in KUBECONFIG',
    files: two,
    env: { KUBECONFIG: '{{folder}}/a/b:{{folder}}/a' },
    refused: /can't be read/,
  },
  {
    of: 'a missing file by --kubeconfig',
    files: { '.kube/config': kubeconfig() },
    flags: ['--kubeconfig', '{{folder}}/missing'],
    refused: /\/missing can't be read: there is no such file; correct the path/,
  },
  { of: 'a folder by --kubeconfig', flags: ['--kubeconfig', '{{folder}}'], refused: /it is a folder/ },
  { of: 'no file', refused: /there is no kubeconfig, and this is no pod/ },
  {
    of: 'a KUBECONFIG of missing files, with a file at home',
    files: { '.kube/config': kubeconfig() },
    env: { KUBECONFIG: '{{folder}}/missing' },
    refused: /KUBECONFIG names no file that exists: .*\/missing/,
  },
  {
    of: 'a KUBECONFIG of separators',
    files: { '.kube/config': kubeconfig() },
    env: { KUBECONFIG: '::' },
    refused: /there is no kubeconfig/,
  },
  { of: 'an empty file at home', files: { '.kube/config': '' }, refused: /there is no kubeconfig/ },
  {
    of: 'a CA relative to its file',
    files: { '.kube/config': relative('pki/ca.pem'), '.kube/pki/ca.pem': '{{ca.pem}}' },
  },
  {
    of: 'a CA relative to its file, with dots',
    files: { '.kube/config': relative('../pki/./ca.pem'), 'pki/ca.pem': '{{ca.pem}}' },
    cwd: 'elsewhere',
  },
  {
    of: 'a CA relative to its file, which is given relative to the working directory',
    files: { 'x/config': relative('ca.pem'), 'x/ca.pem': '{{ca.pem}}', 'y/ca.pem': '{{stranger.pem}}' },
    flags: ['--kubeconfig', '../x/config'],
    cwd: 'y',
  },
  {
    of: 'a CA relative to the second file',
    files: {
      'x/config': part('current-context: one'),
      'y/config': relative('ca.pem'),
      'y/ca.pem': '{{ca.pem}}',
      'x/ca.pem': '{{stranger.pem}}',
    },
    env: { KUBECONFIG: '{{folder}}/x/config:{{folder}}/y/config' },
  },
  {
    of: 'a CA by an absolute path',
    files: { '.kube/config': relative('{{folder}}/ca.pem'), 'ca.pem': '{{ca.pem}}' },
  },
  {
    of: 'a CA whose file is missing',
    files: { '.kube/config': relative('missing.pem') },
    refused:
      /cluster "one" is invalid: certificate-authority .*missing\.pem can't be read: there is no such file/,
  },
  {
    of: 'a client certificate and its key relative to their file',
    files: {
      '.kube/config': kubeconfig({ user: 'client-certificate: pki/cert.pem, client-key: ./pki/key.pem' }),
      '.kube/pki/cert.pem': '{{cert.pem}}',
      '.kube/pki/key.pem': '{{key.pem}}',
    },
    cwd: 'elsewhere',
  },
  {
    of: 'a token file relative to its kubeconfig',
    files: {
      '.kube/config': kubeconfig({ user: 'tokenFile: secrets/token' }),
      '.kube/secrets/token': 'token-of-a-file\n',
    },
    cwd: 'elsewhere',
  },
  {
    of: 'a path with a tilde, which is a name like any other',
    files: {
      '.kube/config': kubeconfig({ user: 'tokenFile: ~/token' }),
      '.kube/~/token': 'token-in-a-tilde',
    },
  },
  {
    of: 'a path with a variable, which is a name like any other',
    files: {
      '.kube/config': kubeconfig({ user: 'tokenFile: $HOME/token' }),
      '.kube/$HOME/token': 'token-by-name',
    },
  },
  {
    of: 'an older file at home, which kubectl moves',
    files: { '.kube/.kubeconfig': kubeconfig() },
    refused: /there is no kubeconfig/,
    otherwise: 'tagpin changes nothing at home; the next kubectl command moves the file',
  },
  {
    of: 'unused entries that are wrong',
    files: {
      '.kube/config': `${kubeconfig().replace('users:', 'users:\n- name: wrong\n  user: {exec: {}}')}`,
    },
  },
  { of: 'a home without a kubeconfig, and KUBERNETES_MASTER', env: { KUBERNETES_MASTER: '{{plain}}' } },
  {
    of: 'a kubeconfig before KUBERNETES_MASTER',
    files: { '.kube/config': kubeconfig({ user: aToken }) },
    env: { KUBERNETES_MASTER: '{{plain}}' },
  },
];
