import { vi } from 'vitest';

/** The variables in which the clouds' SDKs find an identity. */
const identities = /^(AWS|AZURE|GOOGLE|GCE|GCLOUD|CLOUDSDK|METADATA_SERVER|MSI|IDENTITY|IMDS)_/;

/** Removes all cloud identities except the given variables; `vi.unstubAllEnvs()` restores them. */
export function becomeOnly(environment: Readonly<Record<string, string>>): void {
  for (const name of Object.keys(process.env)) {
    if (identities.test(name)) vi.stubEnv(name, undefined);
  }
  // The developer's own identity doesn't count either.
  vi.stubEnv('HOME', '/nonexistent');
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
}
