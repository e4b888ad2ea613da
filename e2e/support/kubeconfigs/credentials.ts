import { type KubeconfigCase, pluginScript } from './case.ts';
import { home, kubeconfig, staging } from './text.ts';

const certificate = 'client-certificate-data: {{cert}}, client-key-data: {{key}}';
const API = 'client.authentication.k8s.io/v1';
/** A plugin in `bin/plugin` beside the kubeconfig. */
const exec = (fields: string, { cluster = staging, user = '' } = {}) => ({
  files: {
    '.kube/config': kubeconfig({ cluster, user: `${user}exec: {${fields}}` }),
    '.kube/bin/plugin': pluginScript,
    'bin/plugin': pluginScript,
  },
});
const never = `command: ./bin/plugin, apiVersion: ${API}, interactiveMode: Never`;
const printing = (output: string) => ({
  files: {
    '.kube/config': kubeconfig({ user: `exec: {${never}}` }),
    '.kube/bin/plugin': `#!/bin/sh\ncat <<'END'\n${output}\nEND\n`,
  },
});
const idToken = (expires: number) =>
  ['{"alg":"none"}', JSON.stringify({ exp: expires }), 'signature']
    .map((part) => Buffer.from(part).toString('base64url'))
    .join('.');
const oidc = (token: string) =>
  `auth-provider: {name: oidc, config: {idp-issuer-url: "https://issuer.invalid", client-id: kubernetes, id-token: ${token}}}`;

/** Who the user is. */
export const credentials: readonly KubeconfigCase[] = [
  home('a token'),
  home('a name and a password', { user: 'username: someone, password: "pass:word-1"' }),
  home('a name without a password', { user: 'username: someone' }),
  {
    ...home('a password without a name', { user: 'password: password-1' }),
    otherwise: 'kubectl asks for the name on the terminal; tagpin sends it without',
  },
  home('a client certificate', { user: certificate }),
  home('a client certificate and a token', { user: `${certificate}, token: letmein-token` }),
  home('a client certificate and a password', {
    user: `${certificate}, username: someone, password: password-1`,
  }),
  home("a key without a certificate, which doesn't count", {
    user: 'client-key-data: {{key}}, token: letmein-token',
  }),
  {
    of: 'a certificate in data and its key in a file',
    files: {
      '.kube/config': kubeconfig({ user: 'client-certificate-data: {{cert}}, client-key: key.pem' }),
      '.kube/key.pem': '{{key.pem}}',
    },
  },
  {
    of: 'a certificate and its key in one file',
    files: {
      '.kube/config': kubeconfig({ user: 'client-certificate: both.pem, client-key: both.pem' }),
      '.kube/both.pem': '{{cert.pem}}{{key.pem}}',
    },
  },
  {
    ...home('a certificate without a key', { user: 'client-certificate-data: {{cert}}' }),
    refused: /user "one" is invalid: client-certificate needs a client-key/,
  },
  {
    ...home("a certificate and another's key", {
      user: 'client-certificate-data: {{cert}}, client-key-data: {{otherKey}}',
    }),
    refused: /the client certificate of user "one" and its key are no pair in PEM/,
  },
  {
    of: 'a certificate in data and in a file',
    files: {
      '.kube/config': kubeconfig({ user: `${certificate}, client-certificate: cert.pem` }),
      '.kube/cert.pem': '{{cert.pem}}',
    },
    refused: /client-certificate and client-certificate-data exclude each other/,
  },
  {
    of: 'a key in data and in a file',
    files: {
      '.kube/config': kubeconfig({ user: `${certificate}, client-key: key.pem` }),
      '.kube/key.pem': '{{key.pem}}',
    },
    refused: /client-key and client-key-data exclude each other/,
  },
  {
    ...home('a certificate whose file is missing', {
      user: 'client-certificate: missing.pem, client-key-data: {{key}}',
    }),
    refused: /client-certificate .*missing\.pem can't be read: there is no such file/,
  },
  {
    ...home('a token and a password', { user: 'token: letmein-token, username: someone' }),
    refused: /token and username exclude each other/,
  },
  {
    of: 'a token file',
    files: {
      '.kube/config': kubeconfig({ user: 'tokenFile: token' }),
      '.kube/token': '  token-of-a-file \n',
    },
  },
  {
    of: 'a token file and a token',
    files: {
      '.kube/config': kubeconfig({ user: 'tokenFile: token, token: letmein-token' }),
      '.kube/token': 'token-of-a-file',
    },
  },
  home('a missing token file and a token', { user: 'tokenFile: missing, token: letmein-token' }),
  {
    of: 'an empty token file and a token',
    files: {
      '.kube/config': kubeconfig({ user: 'tokenFile: token, token: letmein-token' }),
      '.kube/token': '\n',
    },
  },
  {
    ...home('a missing token file', { user: 'tokenFile: missing' }),
    refused: /the token file .*missing of user "one" can't be read: there is no such file/,
  },
  {
    of: 'an empty token file',
    files: { '.kube/config': kubeconfig({ user: 'tokenFile: token' }), '.kube/token': '' },
    refused: /the token file .* of user "one" is empty/,
  },
  {
    of: 'a token file and a password',
    files: {
      '.kube/config': kubeconfig({ user: 'tokenFile: token, username: someone' }),
      '.kube/token': 'token-of-a-file',
    },
    refused: /user "one" has a tokenFile and a username/,
  },
  {
    ...home('a token with a line break', { user: 'token: "letmein-token\\n"' }),
    refused: /a token or a name of user "one" contains a line break/,
  },
  home('a user beyond ASCII', { user: 'token: letmein-token, as: jürgen' }),
  home('another user', { user: 'token: letmein-token, as: someone' }),
  home('another user with all that belongs to them', {
    user: 'token: letmein-token, as: "system:serviceaccount:a:b", as-uid: "17", as-groups: [one, "system:masters"], as-user-extra: {scopes: [a, b], "example.com/x y%": ["1"]}',
  }),
  {
    ...home('groups without a user', { user: 'token: letmein-token, as-groups: [one]' }),
    refused: /need a user in as/,
  },
  {
    ...home('a uid without a user', { user: 'token: letmein-token, as-uid: "17"' }),
    refused: /need a user in as/,
  },
  {
    of: "a user that the kubeconfig doesn't have",
    files: { '.kube/config': kubeconfig().replace('user: one', 'user: two') },
    refused: /context "one" names the user "two", which the kubeconfig doesn't have; add or correct it/,
  },
  {
    ...home('a user without credentials', { user: '' }),
    otherwise: 'kubectl asks for a name and a password on the terminal; tagpin asks the API server as nobody',
  },
  { of: 'a plugin', ...exec(never) },
  {
    of: 'a plugin in PATH',
    ...exec(`command: plugin, apiVersion: ${API}, interactiveMode: Never`),
    env: { PATH: '{{folder}}/bin:/usr/bin:/bin' },
  },
  {
    of: 'a plugin by an absolute path',
    ...exec(`command: "{{folder}}/bin/plugin", apiVersion: ${API}, interactiveMode: Never`),
  },
  {
    of: 'a plugin with arguments and variables',
    ...exec(`${never}, args: [a, "b c", "", "$HOME"], env: [{name: PLUGIN_VARIABLE, value: "x=y"}]`),
  },
  {
    of: 'a plugin whose variables replace those of the environment',
    ...exec(`${never}, env: [{name: PLUGIN_VARIABLE, value: own}]`),
    env: { PLUGIN_VARIABLE: 'outer' },
  },
  { of: 'a plugin that inherits the environment', ...exec(never), env: { PLUGIN_VARIABLE: 'outer' } },
  { of: 'a plugin with null arguments and variables', ...exec(`${never}, args: null, env: null`) },
  {
    of: 'a plugin of v1beta1',
    ...exec(
      'command: ./bin/plugin, apiVersion: client.authentication.k8s.io/v1beta1, env: [{name: API_VERSION, value: client.authentication.k8s.io/v1beta1}]',
    ),
  },
  { of: 'a plugin that asks for the cluster', ...exec(`${never}, provideClusterInfo: true`) },
  {
    of: 'a plugin that asks for a cluster with everything',
    ...exec(`${never}, provideClusterInfo: true`, {
      cluster: `${staging}, tls-server-name: api.example.test, proxy-url: "{{proxy}}", disable-compression: true, extensions: [{name: other, extension: 1}, {name: client.authentication.k8s.io/exec, extension: {audience: abc, n: 1}}]`,
    }),
  },
  {
    of: 'a plugin that may ask questions, without a terminal',
    ...exec(`command: ./bin/plugin, apiVersion: ${API}, interactiveMode: IfAvailable`),
  },
  { of: 'a plugin and a token, which counts', ...exec(never, { user: 'token: letmein-token, ' }) },
  {
    of: 'a plugin and a password, which counts',
    ...exec(never, { user: 'username: someone, password: password-1, ' }),
  },
  { of: 'a plugin and a certificate, which counts', ...exec(never, { user: `${certificate}, ` }) },
  {
    of: "a plugin for HTTP with what TLS wouldn't take, which doesn't count",
    ...exec(never, {
      cluster: 'server: "{{plain}}", insecure-skip-tls-verify: true, certificate-authority-data: {{ca}}',
    }),
  },
  { of: 'a plugin in the name of another', ...exec(never, { user: 'as: someone, ' }) },
  { of: "a plugin for HTTP, which isn't run", ...exec(never, { cluster: 'server: "{{plain}}"' }) },
  {
    of: 'a plugin that gives a certificate',
    ...printing(
      `{"kind":"ExecCredential","apiVersion":"${API}","status":{"clientCertificateData":"{{certJson}}","clientKeyData":"{{keyJson}}"}}`,
    ),
  },
  {
    of: 'a plugin that prints YAML',
    ...printing(`kind: ExecCredential\napiVersion: ${API}\nstatus:\n  token: token-in-yaml`),
  },
  {
    of: 'a plugin whose token expires',
    ...printing(
      `{"kind":"ExecCredential","apiVersion":"${API}","status":{"token":"token-until-2040","expirationTimestamp":"2040-01-01T00:00:00Z"}}`,
    ),
  },
  {
    of: 'a plugin whose token has expired',
    ...printing(
      `{"kind":"ExecCredential","apiVersion":"${API}","status":{"token":"token-until-2020","expirationTimestamp":"2020-01-01T00:00:00Z"}}`,
    ),
  },
  {
    of: 'a plugin that prints nothing',
    ...printing(''),
    refused: /credential plugin ".*\/bin\/plugin" of user "one" prints no valid ExecCredential/,
  },
  {
    of: 'a plugin that prints no credential',
    ...printing(`{"kind":"ExecCredential","apiVersion":"${API}","status":{}}`),
    refused: /prints neither a token nor a certificate/,
  },
  {
    of: 'a plugin that prints no status',
    ...printing(`{"kind":"ExecCredential","apiVersion":"${API}"}`),
    refused: /prints neither a token nor a certificate/,
  },
  {
    of: 'a plugin that prints half a certificate',
    ...printing(`{"kind":"ExecCredential","apiVersion":"${API}","status":{"clientKeyData":"x"}}`),
    refused: /prints a certificate or a key, not both/,
  },
  {
    of: 'a plugin that prints another version',
    ...printing(
      '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1","status":{"token":"token-of-v1beta1"}}',
    ),
    refused: /prints another apiVersion than client\.authentication\.k8s\.io\/v1,/,
  },
  {
    of: 'a plugin that fails',
    isProcess: true,
    files: {
      '.kube/config': kubeconfig({ user: `exec: {${never}}` }),
      '.kube/bin/plugin': '#!/bin/sh\necho "log in first" >&2\nexit 3\n',
    },
    refused:
      /log in first\n[\s\S]*the credential plugin ".*\/bin\/plugin" of user "one" fails with exit code 3/,
  },
  {
    ...home("a plugin that isn't installed", {
      user: `exec: {command: get-a-token, apiVersion: ${API}, interactiveMode: Never, installHint: "first line\\n  then: brew install get-a-token\\u001b[31m\\n"}`,
    }),
    refused:
      /the credential plugin "get-a-token" of user "one" isn't installed; to install it: first line then: brew install get-a-token\\u\{1b\}\[31m/,
  },
  {
    ...home("a plugin that isn't installed, without a hint", {
      user: `exec: {command: get-a-token, apiVersion: ${API}, interactiveMode: Never}`,
    }),
    refused: /"get-a-token" of user "one" isn't installed; install it, or correct exec\.command/,
  },
  {
    ...home('a plugin by a path where there is none', {
      user: `exec: {command: ./get-a-token, apiVersion: ${API}, interactiveMode: Never}`,
    }),
    refused: /isn't installed/,
  },
  {
    ...home('a plugin that asks questions, without a terminal', {
      user: `exec: {command: sh, apiVersion: ${API}, interactiveMode: Always}`,
    }),
    refused: /asks questions, and standard input is no terminal/,
  },
  {
    ...home('a plugin without a command', { user: `exec: {apiVersion: ${API}, interactiveMode: Never}` }),
    refused: /exec\.command is missing/,
  },
  {
    ...home('a plugin without a version', { user: 'exec: {command: sh, interactiveMode: Never}' }),
    refused: /exec\.apiVersion is missing/,
  },
  {
    ...home('a plugin of an unknown version', {
      user: 'exec: {command: sh, apiVersion: client.authentication.k8s.io/v1alpha1, interactiveMode: Never}',
    }),
    refused: /has an unknown apiVersion/,
  },
  {
    ...home('a plugin without its mode', { user: `exec: {command: sh, apiVersion: ${API}}` }),
    refused: /exec\.interactiveMode is to be one of Never, IfAvailable, Always/,
  },
  {
    ...home('a plugin with another mode', {
      user: `exec: {command: sh, apiVersion: ${API}, interactiveMode: never}`,
    }),
    refused: /exec\.interactiveMode/,
  },
  {
    ...home('a plugin with a variable without a name', { user: `exec: {${never}, env: [{value: x}]}` }),
    refused: /a variable of exec\.env has no name/,
  },
  {
    ...home('a plugin and a provider', { user: `exec: {${never}}, ${oidc('x')}` }),
    refused: /exec and auth-provider exclude each other/,
  },
  home("a provider's id-token", { user: oidc(idToken(4_000_000_000)) }),
  home("a provider's id-token and a token, which counts", {
    user: `token: letmein-token, ${oidc(idToken(4_000_000_000))}`,
  }),
  {
    ...home("a provider's id-token that has expired, without another", {
      user: oidc(idToken(1_500_000_000)),
    }),
    refused: /the id-token of user "one" has expired; run kubectl/,
  },
  {
    ...home('a provider that kubectl has no more', { user: 'auth-provider: {name: gcp, config: {}}' }),
    refused: /the auth-provider "gcp" of user "one" is unknown, as to kubectl; use a credential plugin/,
  },
];
