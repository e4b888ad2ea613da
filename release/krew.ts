import { join } from 'node:path';
import { stringify } from 'yaml';
import { sha256Of } from './artifacts.ts';
import { archiveName, programName } from './command.ts';
import { downloadUrl, type Release, repository, version } from './release.ts';

/** The manifest by which Krew installs `kubectl tagpin` (krew, pkg/index/types.go). */
export function krewManifest({ out, platforms }: Release): string {
  return stringify({
    apiVersion: 'krew.googlecontainertools.github.com/v1alpha2',
    kind: 'Plugin',
    metadata: { name: 'tagpin' },
    spec: {
      version: `v${version}`,
      homepage: repository,
      shortDescription: 'Pin image tags to digests, and audit them',
      description: [
        'Shows which images of a cluster run by tag, what has moved since, and what',
        'pinning would refuse. Pins manifests. Records the digests that run, before a',
        'namespace opts in to the tagpin webhook.',
      ].join('\n'),
      platforms: platforms.map((platform) => ({
        selector: { matchLabels: { os: platform.os, arch: platform.arch } },
        uri: downloadUrl(archiveName(platform)),
        sha256: sha256Of(join(out, archiveName(platform))),
        bin: programName(platform),
      })),
    },
  });
}
