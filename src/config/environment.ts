import { join } from 'node:path';
import { InvalidConfig } from './invalid-config.ts';

/** The proxies that the environment names, as URLs, and what isn't to go through them. */
export interface Proxies {
  readonly http: string | undefined;
  readonly https: string | undefined;
  readonly noProxy: string;
}

export const noProxies: Proxies = { http: undefined, https: undefined, noProxy: '' };

/** What is taken from the environment. Nothing else reads it. */
export interface Environment {
  /** The namespace that tagpin itself runs in. */
  namespace: string;
  /** How to get out of the network. */
  proxies: Proxies;
  /** Where the credentials of whoever is at the command line may be; the first that is there counts. */
  dockerConfigs: readonly string[];
  /** Whether a terminal may be shown colours: https://no-color.org. */
  isColoured: boolean;
}

/** @throws InvalidConfig */
export function readEnvironment(environment: Readonly<Record<string, string | undefined>>): Environment {
  const { proxies, problems } = readProxies(environment);
  if (problems.length > 0) throw new InvalidConfig('the environment', problems);
  return {
    namespace: environment['POD_NAMESPACE'] || 'tagpin-system',
    proxies,
    dockerConfigs: dockerConfigPlaces(environment),
    isColoured: !environment['NO_COLOR'],
  };
}

/**
 * Where the docker config of whoever is at the command line may be; the first that is there counts. As
 * go-containerregistry (pkg/authn/keychain.go), but for one thing: what a variable names comes before any default.
 * DOCKER_CONFIG displaces docker's own folder, and where neither has a file Podman's counts.
 */
function dockerConfigPlaces({
  DOCKER_CONFIG,
  REGISTRY_AUTH_FILE,
  XDG_RUNTIME_DIR,
  ...environment
}: Readonly<Record<string, string | undefined>>): string[] {
  const home = environment['HOME'] || environment['USERPROFILE'];
  return [
    ...(DOCKER_CONFIG ? [join(DOCKER_CONFIG, 'config.json')] : []),
    ...(REGISTRY_AUTH_FILE ? [REGISTRY_AUTH_FILE] : []),
    ...(home && !DOCKER_CONFIG ? [join(home, '.docker', 'config.json')] : []),
    ...(XDG_RUNTIME_DIR ? [join(XDG_RUNTIME_DIR, 'containers', 'auth.json')] : []),
  ];
}

/**
 * Reads HTTP_PROXY, HTTPS_PROXY and NO_PROXY, in upper case before lower (golang.org/x/net/http/httpproxy, and so
 * containerd and the kubelet). A proxy may be written without its scheme.
 *
 * @returns the proxies, and what is wrong with them; their text isn't told, since it may hold a password
 */
function readProxies(environment: Readonly<Record<string, string | undefined>>): {
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
