import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { step } from '../e2e/support/step.ts';
import { type Bases, findBases } from './bases.ts';
import { publishChart } from './chart.ts';
import { IMAGE, publishImage } from './image.ts';
import { buildManifests } from './manifests.ts';
import type { Options } from './options.ts';
import type { Subject } from './provenance.ts';
import { attach, referrers } from './registry.ts';
import { type PublishedRelease, version } from './release.ts';
import { SBOM_TYPE } from './sbom.ts';
import { sign } from './sign.ts';

export interface Published {
  readonly subjects: readonly Subject[];
  readonly bases: Bases;
}

/** Pushes the image with its bill of materials, and the chart; makes the manifests that name the image by its digest. */
export async function publish(options: Options, release: PublishedRelease, bill: string): Promise<Published> {
  const { registry } = release;
  const bases = await step('bases', () => findBases(options, release));
  const image = await step('image for two platforms, built twice', () => publishImage(release, bases));
  const { digest } = image.descriptor;
  const title = `tagpin-${version}.cdx.json`;
  const file = { artifactType: SBOM_TYPE, content: Buffer.from(bill), title };
  const attached = await attach(registry, IMAGE, image.descriptor, file);
  if (!(await referrers(registry, IMAGE, digest, SBOM_TYPE)).includes(attached))
    throw new Error(`${registry.host} doesn't list ${attached} as a referrer of ${digest}`);
  await step('manifests', () => buildManifests(release, image));
  const chart = await step('chart', () => publishChart(release, image));
  const references = [image.reference, chart];
  const signed = await step('signatures', () => sign(release, references));
  if (!signed) console.log('not signed: there is no cosign on the path');
  writeFileSync(join(release.out, 'images.txt'), references.map((reference) => `${reference}\n`).join(''));
  const subjects = references.map((reference) => {
    const [name = '', sha256 = ''] = reference.split('@sha256:');
    return { name, sha256 };
  });
  return { subjects, bases };
}
