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
