import type { KubeconfigCase } from './case.ts';
import { home, kubeconfig, staging } from './text.ts';

const named = (cluster: string) => `server: "https://api.example.test:{{staging.port}}", ${cluster}`;
const ca = 'certificate-authority-data: {{ca}}';
const unreachable = named(ca);
const plain = 'server: "{{plain}}"';
const account = { token: 'token-of-the-pod', 'ca.crt': '{{ca.pem}}', namespace: 'of-the-pod' };
const inPod = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: '{{staging.port}}' };

/** Where the server is, how it is trusted, and what is in between. */
export const servers: readonly KubeconfigCase[] = [
  home('a server over TLS'),
  home('a slash at the end', { cluster: `server: "{{staging}}/", ${ca}` }),
  home('a path', { cluster: `server: "{{staging}}/k8s/clusters/c-1", ${ca}` }),
  home('a path with a slash at the end', { cluster: `server: "{{staging}}/k8s/", ${ca}` }),
  home('a path with slashes and dots', { cluster: `server: "{{staging}}//a//b/../c", ${ca}` }),
  home('a path with escapes', { cluster: `server: "{{staging}}/a%2Fb%20c", ${ca}` }),
  home('a query', { cluster: `server: "{{staging}}/k8s?a=b", ${ca}` }),
  home('a query without a path', { cluster: `server: "{{staging}}?a=b", ${ca}` }),
  home('a scheme in upper case', { cluster: `server: "HTTPS://127.0.0.1:{{staging.port}}", ${ca}` }),
  home('a host by name', { cluster: `server: "https://localhost:{{staging.port}}", ${ca}` }),
  home('a login in the address', {
    cluster: `server: "https://someone:password-1@127.0.0.1:{{staging.port}}", ${ca}`,
  }),
  home('HTTP without a scheme', { cluster: 'server: "127.0.0.1:{{plain.port}}"' }),
  home('HTTP without a scheme, by name', { cluster: 'server: "localhost:{{plain.port}}"' }),
  home('HTTP, which is sent no credentials', { cluster: plain }),
  home('HTTP for no user', { cluster: plain, user: '' }),
  home('HTTP and a CA', { cluster: `${plain}, ${ca}` }),
  home('HTTP for a user in the name of another', {
    cluster: plain,
    user: 'token: letmein-token, as: someone',
  }),
  home('HTTP and a path', { cluster: 'server: "{{plain}}/prefix"' }),
  home('HTTP and a login in the address', {
    cluster: 'server: "http://someone:password-1@127.0.0.1:{{plain.port}}"',
  }),
  {
    of: "HTTP and a context whose user there isn't",
    files: { '.kube/config': kubeconfig({ cluster: plain }).replace('user: one', 'user: nobody') },
  },
  {
    of: 'HTTP and a context without a user',
    files: { '.kube/config': kubeconfig({ cluster: plain }).replace(', user: one', '') },
  },
  {
    ...home('another scheme', { cluster: 'server: "ftp://127.0.0.1:{{plain.port}}"' }),
    refused: /no address of an API server/,
  },
  {
    ...home('a path without a scheme', { cluster: 'server: "127.0.0.1:{{plain.port}}/x"' }),
    refused: /no address/,
  },
  {
    ...home("a CA that isn't the server's", {
      cluster: 'server: "{{staging}}", certificate-authority-data: {{stranger}}',
    }),
    refused: /self-signed|unable to (?:get|verify)/,
  },
  {
    ...home('no CA for a server that needs one', { cluster: 'server: "{{staging}}"' }),
    refused: /self-signed|unable to (?:get|verify)/,
  },
  {
    ...home('a CA of the system by SSL_CERT_FILE', { cluster: 'server: "{{staging}}"' }),
    files: { '.kube/config': kubeconfig({ cluster: 'server: "{{staging}}"' }), 'ca.pem': '{{ca.pem}}' },
    env: { SSL_CERT_FILE: '{{folder}}/ca.pem' },
    isProcess: true,
  },
  home("the server's own certificate as CA", {
    cluster: 'server: "{{staging}}", certificate-authority-data: {{leaf}}',
  }),
  home('an insecure server', { cluster: 'server: "{{staging}}", insecure-skip-tls-verify: true' }),
  {
    ...home('an insecure server with a CA', {
      cluster: `server: "{{staging}}", insecure-skip-tls-verify: true, ${ca}`,
    }),
    refused: /certificate-authority of cluster "one" and insecure-skip-tls-verify exclude each other/,
  },
  {
    of: 'a CA in data and in a file',
    files: {
      '.kube/config': kubeconfig({ cluster: `${staging}, certificate-authority: ca.pem` }),
      '.kube/ca.pem': '{{ca.pem}}',
    },
    refused: /certificate-authority and certificate-authority-data exclude each other; remove one/,
  },
  {
    ...home('a CA that is no PEM', {
      cluster: 'server: "{{staging}}", certificate-authority-data: aGVsbG8=',
    }),
    refused: /certificate-authority of cluster "one" holds no certificate in PEM/,
  },
  {
    of: 'a CA among other PEM blocks',
    files: {
      '.kube/config': kubeconfig({ cluster: 'server: "{{staging}}", certificate-authority: ca.pem' }),
      '.kube/ca.pem':
        'a comment\n{{stranger.pem}}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n{{ca.pem}}',
    },
  },
  home('a TLS server name', { cluster: `${staging}, tls-server-name: api.example.test` }),
  {
    ...home('a TLS server name that is an address', {
      cluster: `server: "https://localhost:{{staging.port}}", ${ca}, tls-server-name: 127.0.0.1`,
    }),
    otherwise:
      'kubectl asks the server for no name, tagpin for its host; what is looked for in its certificate is the same',
  },
  {
    ...home("a TLS server name that the certificate hasn't", {
      cluster: `${staging}, tls-server-name: stranger.test`,
    }),
    refused: /stranger\.test/,
  },
  home('a TLS server name of an insecure server', {
    cluster: 'server: "{{staging}}", insecure-skip-tls-verify: true, tls-server-name: stranger.test',
  }),
  { ...home("a name that can't be looked up", { cluster: unreachable }), refused: /ENOTFOUND|EAI_AGAIN/ },
  { ...home('a proxy by HTTPS_PROXY', { cluster: unreachable }), env: { HTTPS_PROXY: '{{proxy}}' } },
  { ...home('a proxy by https_proxy', { cluster: unreachable }), env: { https_proxy: '{{proxy}}' } },
  {
    ...home('a proxy by HTTPS_PROXY before https_proxy', { cluster: unreachable }),
    env: { HTTPS_PROXY: '{{proxy}}', https_proxy: 'http://127.0.0.1:1' },
  },
  {
    ...home('a proxy without a scheme', { cluster: unreachable }),
    env: { HTTPS_PROXY: '127.0.0.1:{{proxy.port}}' },
  },
  {
    ...home('a proxy with a login', { cluster: unreachable }),
    env: { HTTPS_PROXY: 'http://someone:pass%20word@127.0.0.1:{{proxy.port}}' },
  },
  { ...home('a SOCKS proxy by HTTPS_PROXY', { cluster: unreachable }), env: { HTTPS_PROXY: '{{socks}}' } },
  {
    ...home("a proxy for HTTP doesn't count for TLS", { cluster: unreachable }),
    env: { HTTP_PROXY: '{{proxy}}' },
    refused: /ENOTFOUND|EAI_AGAIN/,
  },
  {
    ...home('a proxy for HTTP', { cluster: 'server: "http://api.example.test:{{plain.port}}"' }),
    env: { HTTP_PROXY: '{{proxy}}' },
  },
  { ...home("a proxy isn't used for loopback"), env: { HTTPS_PROXY: '{{proxy}}' } },
  {
    ...home("a proxy isn't used for localhost", {
      cluster: `server: "https://localhost:{{staging.port}}", ${ca}`,
    }),
    env: { HTTPS_PROXY: '{{proxy}}' },
  },
  {
    ...home('a proxy for an address', { cluster: `server: "https://0.0.0.0:{{staging.port}}", ${ca}` }),
    env: { HTTPS_PROXY: '{{proxy}}' },
  },
  ...['0.0.0.0', '0.0.0.0/8', '0.0.0.0:{{staging.port}}', '*', 'example.test, 0.0.0.0'].map((noProxy) => ({
    ...home(`NO_PROXY of ${noProxy}`, { cluster: `server: "https://0.0.0.0:{{staging.port}}", ${ca}` }),
    env: { HTTPS_PROXY: '{{proxy}}', NO_PROXY: noProxy },
  })),
  ...['10.0.0.0/8', '0.0.0.0:1', '0.0.0'].map((noProxy) => ({
    ...home(`NO_PROXY of ${noProxy}, which is another`, {
      cluster: `server: "https://0.0.0.0:{{staging.port}}", ${ca}`,
    }),
    env: { HTTPS_PROXY: '{{proxy}}', NO_PROXY: noProxy },
  })),
  ...['example.test', '.example.test', '*.example.test', 'api.example.test'].map((noProxy) => ({
    ...home(`NO_PROXY of ${noProxy}`, { cluster: unreachable }),
    env: { HTTPS_PROXY: '{{proxy}}', NO_PROXY: noProxy },
    refused: /ENOTFOUND|EAI_AGAIN/,
  })),
  ...['ample.test', 'api', 'www.example.test'].map((noProxy) => ({
    ...home(`NO_PROXY of ${noProxy}, which is another`, { cluster: unreachable }),
    env: { HTTPS_PROXY: '{{proxy}}', no_proxy: noProxy },
  })),
  home('a proxy-url', { cluster: `${unreachable}, proxy-url: "{{proxy}}"` }),
  home('a proxy-url for loopback', { cluster: `${staging}, proxy-url: "{{proxy}}"` }),
  {
    ...home('a proxy-url before the environment', { cluster: `${unreachable}, proxy-url: "{{proxy}}"` }),
    env: { HTTPS_PROXY: 'http://127.0.0.1:1', NO_PROXY: '*' },
  },
  home('a proxy-url with a login', {
    cluster: `${unreachable}, proxy-url: "http://someone:password-1@127.0.0.1:{{proxy.port}}"`,
  }),
  home('a proxy-url with TLS', { cluster: `${unreachable}, proxy-url: "{{secureProxy}}"` }),
  home('a proxy-url with SOCKS', { cluster: `${unreachable}, proxy-url: "{{socks}}"` }),
  home('a proxy-url with SOCKS and a login', {
    cluster: `${unreachable}, proxy-url: "socks5://someone:password-1@127.0.0.1:{{socks.port}}"`,
  }),
  home('a proxy-url with SOCKS to an address', {
    cluster: `server: "https://0.0.0.0:{{staging.port}}", ${ca}, proxy-url: "{{socks}}"`,
  }),
  home('a proxy-url for HTTP', {
    cluster: 'server: "http://api.example.test:{{plain.port}}", proxy-url: "{{proxy}}"',
  }),
  home('a proxy-url and a TLS server name', {
    cluster: `${unreachable}, proxy-url: "{{proxy}}", tls-server-name: other.example.test`,
  }),
  {
    ...home('a proxy-url with another scheme', { cluster: `${staging}, proxy-url: "ftp://127.0.0.1:1"` }),
    refused: /proxy-url is no URL of a proxy/,
  },
  {
    ...home('a proxy-url without a scheme', { cluster: `${staging}, proxy-url: "127.0.0.1:{{proxy.port}}"` }),
    refused: /proxy-url is no URL/,
  },
  {
    ...home('a proxy-url where nothing listens', { cluster: `${staging}, proxy-url: "http://127.0.0.1:1"` }),
    refused: /ECONNREFUSED/,
  },
  home('no compression', { cluster: `${staging}, disable-compression: true` }),
  home('a namespace', { context: 'namespace: blue' }),
  home('an empty namespace', { context: 'namespace: ""' }),
  { of: 'a pod', pod: account, env: inPod },
  {
    of: 'a pod with a namespace by POD_NAMESPACE',
    pod: account,
    env: { ...inPod, POD_NAMESPACE: 'of-the-variable' },
  },
  {
    of: 'a pod with a kubeconfig',
    pod: account,
    env: inPod,
    files: { '.kube/config': kubeconfig({ context: 'namespace: blue' }) },
  },
  {
    of: 'a pod with a kubeconfig without a namespace',
    pod: account,
    env: inPod,
    files: { '.kube/config': kubeconfig() },
  },
  {
    of: 'a pod with a kubeconfig without a context',
    pod: account,
    env: inPod,
    files: { '.kube/config': kubeconfig({ current: '""' }) },
  },
  { of: 'a pod with an empty kubeconfig', pod: account, env: inPod, files: { '.kube/config': '' } },
  {
    of: "a pod with a kubeconfig of kubectl's default server",
    pod: account,
    env: inPod,
    files: { '.kube/config': kubeconfig({ cluster: 'server: "http://localhost:8080"' }) },
  },
  {
    of: 'a pod with a kubeconfig whose cluster has no server',
    pod: account,
    env: inPod,
    files: { '.kube/config': kubeconfig({ cluster: '' }) },
  },
  {
    of: 'a pod with a kubeconfig whose context has no cluster',
    pod: account,
    env: inPod,
    files: { '.kube/config': kubeconfig().replace('cluster: one, ', '') },
  },
  { of: 'a pod with KUBERNETES_MASTER', pod: account, env: { ...inPod, KUBERNETES_MASTER: '{{plain}}' } },
  {
    of: 'a pod behind a proxy',
    otherwise:
      'a pod reaches its own cluster directly, because the variables of a deployment of tagpin are for registries',
    pod: account,
    env: { ...inPod, KUBERNETES_SERVICE_HOST: '0.0.0.0', HTTPS_PROXY: '{{proxy}}' },
  },
  {
    of: 'a pod without a port',
    pod: account,
    env: { ...inPod, KUBERNETES_SERVICE_PORT: '' },
    refused: /there is no kubeconfig/,
  },
  { of: "a pod's variables without its token", env: inPod, refused: /there is no kubeconfig/ },
  { of: "a pod's token without its variables", pod: account, refused: /there is no kubeconfig/ },
  {
    of: 'a pod whose token ends with a line break',
    pod: { ...account, token: 'token-of-a-line\n' },
    env: inPod,
  },
  {
    of: "a cluster that the kubeconfig doesn't have",
    files: { '.kube/config': kubeconfig().replace('cluster: one', 'cluster: two') },
    refused: /context "one" names the cluster "two", which the kubeconfig doesn't have; add or correct it/,
  },
  {
    of: 'a cluster without a server',
    files: { '.kube/config': kubeconfig({ cluster: ca }) },
    refused: /context "one" names the cluster "one", which has no server; add it/,
  },
  {
    of: 'a context without a cluster',
    files: { '.kube/config': kubeconfig().replace('cluster: one, ', '') },
    refused: /context "one" names no cluster; add its cluster/,
  },
  {
    of: 'no current context',
    files: { '.kube/config': kubeconfig({ current: '""' }) },
    refused: /names no cluster; set its current-context, or give --context: it has "one"/,
  },
];
