import { join } from 'node:path';
import { InvalidConfig } from './invalid-config.ts';
import { type Proxies, readProxies } from './proxies.ts';

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
