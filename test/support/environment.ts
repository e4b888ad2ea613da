import { vi } from 'vitest';

/** What the SDKs of the clouds look at to find out who they are. */
const identities = /^(AWS|AZURE|GOOGLE|GCE|GCLOUD|CLOUDSDK|METADATA_SERVER|MSI|IDENTITY|IMDS)_/;

/** Nobody is anybody any more, but for what is given; `vi.unstubAllEnvs()` undoes it. */
export function becomeOnly(environment: Readonly<Record<string, string>>): void {
  for (const name of Object.keys(process.env)) {
    if (identities.test(name)) vi.stubEnv(name, undefined);
  }
  // Nor does whoever runs the tests count.
  vi.stubEnv('HOME', '/nonexistent');
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
}
