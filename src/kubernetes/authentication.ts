import { readFileSync } from 'node:fs';
import { whyUnreadable } from '../system-error.ts';
import { CredentialPlugin } from './credential-plugin.ts';
import { noCredentials } from './error.ts';
import { impersonationHeaders } from './impersonation.ts';
import type { UserEntry } from './kubeconfig/kubeconfig.ts';
import type { Target } from './kubeconfig/target.ts';
import { idToken } from './oidc.ts';
import { authorityOf, certificateOf, usable } from './pem-fields.ts';

/** Who a request is from. */
export interface Identity {
  readonly headers: Readonly<Record<string, string | string[]>>;
  /** The client's certificate and key, as PEM. */
  readonly certificate: { cert: string; key: string } | undefined;
  /** When it has to be renewed; milliseconds since 1970. */
  readonly expires: number | undefined;
}

/**
 * The credentials of a kubeconfig's user, in client-go's order of precedence: a login in the server's address, a token (its
 * file first), a password, then what a plugin gives (transport/round_trippers.go, tools/clientcmd/client_config.go).
 */
export class Authentication {
  readonly #target: Target;
  readonly #name: string;
  readonly #plugin: CredentialPlugin | undefined;

  /** @param variables the environment, for a credential plugin */
  constructor(target: Target, variables: Readonly<Record<string, string | undefined>>) {
    this.#target = target;
    const { exec } = target.user;
    this.#name = target.userName ?? '';
    this.#plugin =
      exec == null
        ? undefined
        : new CredentialPlugin({ user: this.#name, exec, cluster: () => clusterInfo(target), variables });
  }

  /** @throws KubernetesError with a remedy */
  async identity(): Promise<Identity> {
    const { server, user } = this.#target;
    const impersonation = impersonationHeaders(user);
    // Credentials are for TLS alone.
    if (!server.url.startsWith('https:')) {
      const authorization = server.login === undefined ? undefined : basic(server.login);
      return {
        headers: { ...impersonation, ...(authorization && { authorization }) },
        certificate: undefined,
        expires: undefined,
      };
    }
    const token = tokenOf(user, this.#name);
    const login =
      user.username === '' && user.password === '' ? undefined : `${user.username}:${user.password}`;
    if (token !== undefined && login !== undefined) {
      throw noCredentials(
        `user "${this.#name}" has a tokenFile and a username`,
        'remove one from the kubeconfig',
      );
    }
    const certificate = certificateOf(user, this.#name);
    const own = token !== undefined ? bearer(token) : login !== undefined ? basic(login) : undefined;
    const isPlugged = own === undefined && certificate === undefined;
    const plugged = isPlugged ? await this.#plugin?.credential() : undefined;
    const provided =
      own === undefined && user['auth-provider'] != null
        ? idToken(user['auth-provider'], this.#name)
        : undefined;
    const authorization =
      server.login !== undefined
        ? basic(server.login)
        : (own ?? (plugged?.token && bearer(plugged.token)) ?? (provided && bearer(provided)));
    return {
      headers: { ...impersonation, ...(authorization && { authorization }) },
      certificate: usable(certificate ?? plugged?.certificate, this.#name),
      expires: plugged?.expires,
    };
  }

  /** Has later requests ask the plugin again, because the API server has refused its credential. */
  refused(): void {
    this.#plugin?.forget();
  }
}

const bearer = (token: string) => `Bearer ${token}`;
const basic = (login: string) => `Basic ${Buffer.from(login).toString('base64')}`;

/** The token's file is read each time, because it changes; the token beside it counts only if it can't be read. */
function tokenOf({ token, tokenFile }: UserEntry, name: string): string | undefined {
  if (tokenFile === '') return token || undefined;
  try {
    const content = readFileSync(tokenFile, 'utf8').trim();
    if (content !== '') return content;
    if (token === '')
      throw noCredentials(`the token file ${tokenFile} of user "${name}" is empty`, 'log in again');
  } catch (cause) {
    const why = whyUnreadable(cause);
    if (why === undefined) throw cause;
    if (token === '') {
      throw noCredentials(
        `the token file ${tokenFile} of user "${name}" can't be read: ${why}`,
        'correct tokenFile in the kubeconfig',
        cause,
      );
    }
  }
  return token;
}

/** The cluster as an ExecCredential names it (rest/exec.go, `ConfigToExecCluster`). */
function clusterInfo({ server, cluster, clusterName }: Target): unknown {
  const ca = authorityOf(cluster, clusterName ?? '');
  const config = cluster.extensions.find(
    ({ name }) => name === 'client.authentication.k8s.io/exec',
  )?.extension;
  return {
    server: cluster.server || server.url,
    ...(cluster['tls-server-name'] && { 'tls-server-name': cluster['tls-server-name'] }),
    ...(cluster['insecure-skip-tls-verify'] && { 'insecure-skip-tls-verify': true }),
    ...(ca && { 'certificate-authority-data': Buffer.from(ca).toString('base64') }),
    ...(cluster['proxy-url'] && { 'proxy-url': cluster['proxy-url'] }),
    ...(cluster['disable-compression'] && { 'disable-compression': true }),
    config: config ?? null,
  };
}
