import type { Bases } from './bases.ts';
import { nodePackageOf, nodeVersion } from './node.ts';
import { type Release, repository, version } from './release.ts';

/** What was made: a file, or an image by its name. */
export interface Subject {
  readonly name: string;
  readonly sha256: string;
}

/**
 * How the artifacts were made, as an in-toto statement with SLSA provenance 1.0. It isn't signed, and so proves nothing
 * alone: a release is attested by the workflow that makes it, whose identity the signature has.
 */
export function provenanceOf(
  release: Release,
  subjects: readonly Subject[],
  bases: Bases | undefined,
): object {
  const { revision, created, dryRun, platforms } = release;
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: subjects.map(({ name, sha256 }) => ({ name, digest: { sha256 } })),
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: {
        buildType: `${repository}/blob/main/release/main.ts`,
        externalParameters: { version, dryRun, platforms: platforms.map(({ name }) => name) },
        internalParameters: { node: nodeVersion },
        resolvedDependencies: [
          { uri: `git+${repository}`, digest: { gitCommit: revision } },
          ...(bases?.named ?? []).map((uri) => ({ uri })),
          ...platforms.map((platform) => ({ uri: `pkg:npm/${nodePackageOf(platform)}` })),
        ],
      },
      runDetails: {
        builder: { id: `${repository}/release` },
        metadata: { startedOn: created.toISOString() },
      },
    },
  };
}
