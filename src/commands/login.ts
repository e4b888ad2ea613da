import { existsSync } from 'node:fs';
import { WrongUse } from '../console/exit.ts';
import { CredentialError, type CredentialSource } from '../credentials/credential.ts';
import { CredentialHelpers } from '../credentials/credential-helper.ts';
import { DockerConfigFile } from '../credentials/docker-config-file.ts';

/**
 * The credentials of whoever is at the command line: those of the docker config at `path`, else at the first place
 * that has one, else none. Helpers come first: where there is one, docker ignores what else the file holds.
 *
 * @param stop ends the helpers that run
 * @throws WrongUse when it can't be read
 */
export function openLogin(
  path: string | undefined,
  places: readonly string[],
  stop: AbortSignal,
): CredentialSource[] {
  const found = path ?? places.find((place) => existsSync(place));
  if (found === undefined) return [];
  try {
    const file = new DockerConfigFile(found);
    return [new CredentialHelpers(file, stop), file];
  } catch (error) {
    if (!(error instanceof CredentialError)) throw error;
    throw new WrongUse(`${error.message}; ${error.remedy}`);
  }
}
