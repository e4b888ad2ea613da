import { createHash } from 'node:crypto';
import type { BundledPackage } from './bundle.ts';
import { type Release, repository, version } from './release.ts';

/** CycloneDX's media type, and so the type of the artifact that is attached to the image. */
export const SBOM_TYPE = 'application/vnd.cyclonedx+json';

/**
 * What is in the bundle, by CycloneDX 1.6: tagpin and the npm packages of which a module is in it. What isn't in it, such
 * as the tools that test and build it, isn't listed. Node.js and the image's base aren't part of the bundle.
 */
export function softwareBill({ revision, created }: Release, packages: readonly BundledPackage[]): object {
  const self = `pkg:npm/tagpin@${version}`;
  const components = packages.map(({ name, version, license }) => ({
    type: 'library',
    'bom-ref': purl(name, version),
    name,
    version,
    licenses: [/^[\w.-]+$/.test(license) ? { license: { id: license } } : { expression: license }],
    purl: purl(name, version),
  }));
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${uuidOf(`${revision} ${JSON.stringify(packages)}`)}`,
    version: 1,
    metadata: {
      timestamp: created.toISOString(),
      lifecycles: [{ phase: 'build' }],
      component: {
        type: 'application',
        'bom-ref': self,
        name: 'tagpin',
        version,
        licenses: [{ license: { id: 'Apache-2.0' } }],
        purl: self,
        externalReferences: [{ type: 'vcs', url: repository, comment: revision }],
      },
    },
    components,
    dependencies: [{ ref: self, dependsOn: components.map((component) => component['bom-ref']) }],
  };
}

/** A package URL (purl-spec, types/npm): the scope's @ is encoded. */
const purl = (name: string, version: string) => `pkg:npm/${name.replace('@', '%40')}@${version}`;

/** A UUID that stands for the text (RFC 9562, version 8), so that equal bills are equal. */
function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}
