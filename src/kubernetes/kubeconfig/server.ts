import { posix } from 'node:path';
import { InvalidKubeconfig } from '../error.ts';

/** The API server's address. */
export interface Server {
  /** Without a slash at the end, and without a login. */
  readonly url: string;
  /** `user:password` in the address, which takes precedence over all other credentials. */
  readonly login: string | undefined;
}

/**
 * The server of a kubeconfig. `host:port` without a scheme is HTTP; a query doesn't count (client-go rest/url_utils.go,
 * `DefaultServerURL`; rest/client.go, `NewRESTClient`).
 *
 * @throws InvalidKubeconfig
 */
export function parseServer(text: string): Server {
  const isUrl = /^[a-z][a-z0-9+.-]*:\/\/[^/]/i.test(text);
  const url = URL.parse(isUrl ? text : `http://${text}`);
  const login = url === null ? undefined : loginOf(url);
  if (
    /\s/.test(text) ||
    url === null ||
    login === undefined ||
    !/^https?:$/.test(url.protocol) ||
    (!isUrl && url.pathname !== '/')
  ) {
    throw new InvalidKubeconfig(
      `the kubeconfig's server "${withoutLogin(text)}" is no address of an API server; write https://HOST:PORT`,
    );
  }
  const path = posix.normalize(decoded(url.pathname)).replace(/\/+$/, '');
  return { url: `${url.origin}${path}`, login: login === ':' ? undefined : login };
}

/** `user:password`; undefined if it isn't escaped as it has to be. */
function loginOf({ username, password }: URL): string | undefined {
  try {
    return `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  } catch {
    return undefined;
  }
}

/** The path without the escapes that it doesn't need, as Go's `URL.Path` is written. */
function decoded(path: string): string {
  try {
    return encodeURI(decodeURIComponent(path));
  } catch {
    return path;
  }
}

const withoutLogin = (text: string) => text.replace(/^([^/]*\/\/)?[^/@]*@/, '$1');
