/** The proxies that the environment names, as URLs, and what isn't to go through them. */
export interface Proxies {
  readonly http: string | undefined;
  readonly https: string | undefined;
  readonly noProxy: string;
}

export const noProxies: Proxies = { http: undefined, https: undefined, noProxy: '' };

/**
 * Reads HTTP_PROXY, HTTPS_PROXY and NO_PROXY, in upper case before lower (golang.org/x/net/http/httpproxy, and so
 * containerd and the kubelet). A proxy may be written without its scheme.
 *
 * @returns the proxies, and what is wrong with them; their text isn't told, since it may hold a password
 */
export function readProxies(environment: Readonly<Record<string, string | undefined>>): {
  proxies: Proxies;
  problems: string[];
} {
  const problems: string[] = [];
  const read = (name: string) => environment[name] || environment[name.toLowerCase()] || '';
  const proxy = (name: string) => {
    const text = read(name);
    if (text === '') return undefined;
    const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
    if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url;
    problems.push(`${name}: write the URL of an HTTP proxy, such as http://proxy.example.com:3128`);
    return undefined;
  };
  return {
    proxies: { http: proxy('HTTP_PROXY'), https: proxy('HTTPS_PROXY'), noProxy: read('NO_PROXY') },
    problems,
  };
}
