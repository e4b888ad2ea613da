import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { stringify } from 'yaml';
import { run, succeed } from '../e2e/support/command.ts';
import type { PublishedImage } from './image.ts';
import { requireProgram } from './programs.ts';
import { project, type Release } from './release.ts';

/** The manifests of the overlay `default` in one file, with the image by digest. */
export async function buildManifests({ work, out, signal }: Release, { reference }: PublishedImage) {
  const folder = join(work, 'install');
  mkdirSync(folder);
  const [newName, digest] = reference.split('@');
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources: [relative(folder, join(project, 'manifests/overlays/default'))],
    images: [{ name: 'ghcr.io/tagpin/tagpin', newName, digest }],
  };
  writeFileSync(join(folder, 'kustomization.yaml'), stringify(kustomization));
  const manifests = await succeed(run([requireProgram('kubectl'), 'kustomize', folder], { signal }));
  if (!manifests.includes(`image: ${reference}\n`)) throw new Error(`the manifests don't have ${reference}`);
  writeFileSync(join(out, 'install.yaml'), `${manifests}\n`);
}
