import { join } from 'node:path';
import type { ClusterEnvironment } from '../kubernetes/kubeconfig/environment.ts';
import type { Proxies } from '../proxies.ts';
import { InvalidConfig } from './invalid-config.ts';

/** The settings from environment variables. Nothing else reads them. */
export interface Environment {
  /** The namespace that tagpin itself runs in. */
  namespace: string;
  proxies: Proxies;
  /** What leads to the API server. */
  cluster: ClusterEnvironment;
  /** Paths at which the user's docker config may be; the first that exists counts. */
  dockerConfigs: readonly string[];
  /** Whether terminal output may be coloured: https://no-color.org. */
  isColoured: boolean;
}

/**
 * @param userId of this process, by which Podman names a folder
 * @throws InvalidConfig
 */
export function readEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  userId = process.getuid?.(),
): Environment {
  const { proxies, problems } = readProxies(environment);
  if (problems.length > 0) throw new InvalidConfig('the environment', problems);
  return {
    namespace: environment['POD_NAMESPACE'] || 'tagpin-system',
    proxies,
    cluster: readClusterEnvironment(environment, proxies),
    dockerConfigs: dockerConfigPlaces(environment, userId),
    isColoured: !environment['NO_COLOR'],
  };
}

function readClusterEnvironment(
  variables: Readonly<Record<string, string | undefined>>,
  proxies: Proxies,
): ClusterEnvironment {
  const { HOMEDRIVE, HOMEPATH, USERPROFILE } = variables;
  const homes = [variables['HOME'], HOMEDRIVE && HOMEPATH && `${HOMEDRIVE}${HOMEPATH}`, USERPROFILE];
  return {
    kubeconfig: variables['KUBECONFIG'] ?? '',
    homes: homes.flatMap((home) => (home ? [home] : [])),
    master: variables['KUBERNETES_MASTER'] ?? '',
    serviceHost: variables['KUBERNETES_SERVICE_HOST'] ?? '',
    servicePort: variables['KUBERNETES_SERVICE_PORT'] ?? '',
    podNamespace: variables['POD_NAMESPACE'] ?? '',
    proxies,
    variables,
  };
}

/**
 * The paths of docker configs, by precedence, as in go-containerregistry (pkg/authn/keychain.go), except that a path from
 * a variable precedes every default. DOCKER_CONFIG replaces docker's default folder; Podman's files come last
 * (containers-auth.json(5): without XDG_RUNTIME_DIR, in /run by the user's id, and in the home folder).
 */
function dockerConfigPlaces(
  {
    DOCKER_CONFIG,
    REGISTRY_AUTH_FILE,
    XDG_RUNTIME_DIR,
    XDG_CONFIG_HOME,
    ...environment
  }: Readonly<Record<string, string | undefined>>,
  userId: number | undefined,
): string[] {
  const home = environment['HOME'] || environment['USERPROFILE'];
  const own = XDG_CONFIG_HOME || (home && join(home, '.config'));
  const podman = (folder: string) => join(folder, 'containers', 'auth.json');
  return [
    ...(DOCKER_CONFIG ? [join(DOCKER_CONFIG, 'config.json')] : []),
    ...(REGISTRY_AUTH_FILE ? [REGISTRY_AUTH_FILE] : []),
    ...(home && !DOCKER_CONFIG ? [join(home, '.docker', 'config.json')] : []),
    ...(XDG_RUNTIME_DIR ? [podman(XDG_RUNTIME_DIR)] : []),
    ...(!XDG_RUNTIME_DIR && userId !== undefined ? [`/run/containers/${userId}/auth.json`] : []),
    ...(own ? [podman(own)] : []),
  ];
}

/**
 * Reads HTTP_PROXY, HTTPS_PROXY and NO_PROXY; upper case takes precedence over lower (golang.org/x/net/http/httpproxy,
 * and so containerd, the kubelet and kubectl). The scheme of a proxy may be left out.
 *
 * @returns the proxies, and the problems, which don't quote a value because it may hold a password
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
    if (URL.canParse(url) && /^(?:https?|socks5h?):$/.test(new URL(url).protocol)) return url;
    problems.push(`${name}: write the URL of a proxy, such as http://proxy.example.com:3128`);
    return undefined;
  };
  return {
    proxies: { http: proxy('HTTP_PROXY'), https: proxy('HTTPS_PROXY'), noProxy: read('NO_PROXY') },
    problems,
  };
}
