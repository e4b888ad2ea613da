import { posix } from 'node:path';
import { canonical, type Reference, repository, tagOrLatest } from '../image/reference.ts';

/**
 * Whether one of the configuration's patterns matches an image, which is then left alone.
 *
 * A pattern is a glob (`*` within a path component, `**` across them) that is matched with the image's registry
 * (`registry.example.com:5000`), its repository (`docker.io/library/*`), the whole image (`quay.io/team/app:dev-*`) and the
 * image as written. Patterns aren't split at a colon, so they may include a port.
 */
export function isSkipped(reference: Reference, patterns: readonly string[]): boolean {
  if (patterns.length === 0) return false;
  const spellings = [
    reference.domain,
    repository(reference),
    `${repository(reference)}:${tagOrLatest(reference)}`,
    canonical(reference),
    reference.original,
  ];
  return patterns.some((pattern) => spellings.some((spelling) => posix.matchesGlob(spelling, pattern)));
}
