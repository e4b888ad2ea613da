import { copyFileSync, cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseDocument, stringify } from 'yaml';
import { run, succeed } from '../e2e/support/command.ts';
import type { PublishedImage } from './image.ts';
import { requireProgram } from './programs.ts';
import { type PublishedRelease, project, repository, version } from './release.ts';

const CHARTS = 'tagpin/charts';

/** Packages the chart with the image by digest, and pushes it as an OCI artifact. Returns its name, by digest. */
export async function publishChart(release: PublishedRelease, image: PublishedImage): Promise<string> {
  const { work, out, registry, signal } = release;
  const folder = join(work, 'tagpin');
  cpSync(join(project, 'charts/tagpin'), folder, { recursive: true });
  pinImage(join(folder, 'values.yaml'), image);
  annotate(join(folder, 'Chart.yaml'), image);
  const home = join(work, 'helm');
  const env = { HELM_CACHE_HOME: home, HELM_DATA_HOME: home };
  const helm = (...args: string[]) => run([requireProgram('helm'), ...args], { env, signal });
  await succeed(helm('lint', '--strict', folder));
  await succeed(helm('package', folder, '--destination', work));
  const packaged = join(work, `tagpin-${version}.tgz`);
  // npm's package has the same name.
  copyFileSync(packaged, join(out, `tagpin-chart-${version}.tgz`));
  const access = registry.plainHttp
    ? ['--plain-http']
    : registry.caFile
      ? ['--ca-file', registry.caFile]
      : [];
  const pushed = await helm('push', packaged, `oci://${registry.host}/${CHARTS}`, ...access);
  await succeed(Promise.resolve(pushed));
  const digest = /^Digest: (sha256:[0-9a-f]{64})$/m.exec(pushed.stdout + pushed.stderr)?.[1];
  if (digest === undefined)
    throw new Error(`helm push doesn't say the digest: ${pushed.stdout}${pushed.stderr}`);
  return `${registry.host}/${CHARTS}/tagpin@${digest}`;
}

/** Sets the image's default; comments stay. */
function pinImage(file: string, { reference }: PublishedImage): void {
  const values = parseDocument(readFileSync(file, 'utf8'));
  const [repositoryName, digest] = reference.split('@');
  values.setIn(['image', 'repository'], repositoryName);
  values.setIn(['image', 'digest'], digest);
  writeFileSync(file, values.toString({ lineWidth: 0 }));
}

/** Annotations that Artifact Hub shows (artifacthub.io/docs/topics/annotations/helm). */
function annotate(file: string, { reference }: PublishedImage): void {
  const chart = parseDocument(readFileSync(file, 'utf8'));
  const annotations = {
    'artifacthub.io/category': 'security',
    'artifacthub.io/images': stringify([
      { name: 'tagpin', image: reference, platforms: ['linux/amd64', 'linux/arm64'] },
    ]),
    'artifacthub.io/links': stringify([
      { name: 'Install', url: `${repository}/blob/v${version}/docs/install.md` },
      { name: 'Changes', url: `${repository}/blob/v${version}/CHANGELOG.md` },
    ]),
    'artifacthub.io/prerelease': String(version.includes('-')),
  };
  for (const [name, value] of Object.entries(annotations)) chart.setIn(['annotations', name], value);
  writeFileSync(file, chart.toString({ lineWidth: 0 }));
}
