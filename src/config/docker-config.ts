import { join } from 'node:path';
import { z } from 'zod';
import { DockerConfigFile } from '../credentials/docker-config-file.ts';
import { CredentialError } from '../credentials/source.ts';

/** The path of a docker config, which must be readable from the start. */
export const dockerConfigPath = z
  .string()
  .min(1, 'write the path of a docker config')
  .superRefine((path, context) => {
    if (path === '') return;
    try {
      new DockerConfigFile(path);
    } catch (error) {
      if (!(error instanceof CredentialError)) throw error;
      context.addIssue({ code: 'custom', message: `${error.message}; ${error.remedy}` });
    }
  });

/**
 * Where the docker config of whoever is at the command line may be; the first that is there counts. As
 * go-containerregistry (pkg/authn/keychain.go), but for one thing: what a variable names comes before any default.
 * DOCKER_CONFIG displaces docker's own folder, and where neither has a file Podman's counts.
 */
export function dockerConfigPlaces({
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
