import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { sha256 } from '../../src/image/digest.ts';
import { pinned } from '../../src/image/reference.ts';
import { parseManifest } from '../../src/manifest/document.ts';
import { type Found, findImages } from '../../src/manifest/images.ts';
import { replaceScalar, splice } from '../../src/manifest/splice.ts';
import { readCluster } from '../support/cluster.ts';
import { run } from '../support/command.ts';
import { oddManifest } from '../support/odd-manifests.ts';

const { programs, directory } = readCluster();

/** The numbers of files, of those that one program reads, and of programs at the same time. */
const [GENERATED, FROM_MODULES, TOGETHER, AT_ONCE] = [
  Number(process.env['ODD_MANIFESTS'] ?? 700),
  350,
  12,
  2,
];
const firstSeed = Number(process.env['ODD_SEED'] ?? 1);

/** Kubernetes' own examples and test data, among the sources that the cluster is built from. */
function fromModules(): string[] {
  const modules = process.env['GOMODCACHE'] ?? join(homedir(), 'go/pkg/mod');
  const files = [
    'kubernetes@*/{test,hack,cluster}',
    'kubectl@*/testdata',
    'pod-security-admission@*/test/testdata',
    'api@*/testdata/HEAD',
  ]
    .flatMap((folder) => globSync(`k8s.io/${folder}/**/*.{yaml,yml,json}`, { cwd: modules }))
    .map((path) => join(modules, path))
    .filter((path) => /^\s*"?image"?:/m.test(readFileSync(path, 'utf8')))
    .sort();
  const step = Math.max(1, Math.ceil(files.length / FROM_MODULES));
  return files.filter((_, index) => index % step === 0);
}

const containerSchema = z.looseObject({ name: z.string().nullish(), image: z.string().nullish() });
const containers = z.array(containerSchema.nullish()).nullish();
const specSchema = z.looseObject({
  containers,
  initContainers: containers,
  ephemeralContainers: containers,
  volumes: z
    .array(z.looseObject({ image: z.looseObject({ reference: z.string().nullish() }).nullish() }).nullish())
    .nullish(),
});
const objectSchema = z.looseObject({ apiVersion: z.string(), kind: z.string() });
const paths: Readonly<Record<string, readonly string[]>> = {
  Pod: ['spec'],
  PodTemplate: ['template', 'spec'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template', 'spec'],
  ControllerRevision: ['data', 'spec', 'template', 'spec'],
  ...Object.fromEntries(
    ['Deployment', 'DaemonSet', 'StatefulSet', 'ReplicaSet', 'ReplicationController', 'Job'].map((kind) => [
      kind,
      ['spec', 'template', 'spec'],
    ]),
  ),
};
const member = (value: unknown, key: string): unknown =>
  z.record(z.string(), z.unknown()).safeParse(value).data?.[key];

/** The images of the objects that kubectl prints. */
function printedImages(stdout: string): string[] {
  const objects =
    stdout.trim() === ''
      ? []
      : stdout
          .trim()
          .split(/\n(?=\{$)/m)
          .map((text) => objectSchema.parse(JSON.parse(text)));
  return objects.flatMap((object) => {
    const { apiVersion, kind } = object;
    if (/\..*\//.test(apiVersion.replace(/\.k8s\.io\//, '/')) && !apiVersion.startsWith('extensions'))
      return [];
    const found = specSchema.safeParse((paths[kind] ?? ['-']).reduce<unknown>(member, object));
    if (!found.success) return [];
    const { data } = found;
    return [
      ...[data.initContainers, data.containers, data.ephemeralContainers].flatMap((list) =>
        (list ?? []).map((one) => one?.image),
      ),
      ...(data.volumes ?? []).map((volume) => volume?.image?.reference),
    ].flatMap((image) => (image ? [image] : []));
  });
}

/** What tagpin finds, and the text with everything pinned. */
interface ReadFile {
  found: Found;
  images: string[];
  pinnedText: string;
}

function readByTagpin(text: string): ReadFile {
  const found = findImages(parseManifest(text), {
    rules: { skip: [], honourSkipAnnotation: false },
    fieldSpecs: [],
  });
  const edits = found.images.flatMap(({ decision, field, span }) =>
    decision.action === 'resolve'
      ? [replaceScalar(text, span, pinned(decision.reference, sha256(field.image), { keepTag: true }))]
      : [],
  );
  return {
    found,
    pinnedText: splice(text, edits),
    images: found.images.map(({ field }) => field.image).filter(Boolean),
  };
}

interface File {
  path: string;
  text: string;
}

/** How tagpin's reading of files differs from kubectl's. Files that kubectl takes are read together. */
async function differences(files: readonly File[]): Promise<string[]> {
  const names = files.flatMap(({ path }) => ['--filename', path]);
  const label = [programs.kubectl, 'label', '--local', ...names, 'x=y', '--output', 'json'];
  const { stdout, stderr, code } = await run(label);
  const [file, ...others] = files;
  if (file === undefined) return [];
  const read = files.map(({ text }) => readByTagpin(text));
  const isAlike =
    code === 0 &&
    sameItems(
      printedImages(stdout),
      read.flatMap(({ images }) => images),
    ) &&
    !read.some(hasMistake);
  if (others.length > 0) {
    if (isAlike)
      return read.flatMap(({ pinnedText }, index) => unexpected(files[index]?.text ?? '', pinnedText));
    return (await Promise.all(files.map((one) => differences([one])))).flat();
  }
  const said = read.flatMap((one) => difference(printedImages(stdout), code, stderr, one, file.text));
  return said.map((what) => `${file.path}: ${what}`);
}

const hasMistake = ({ found }: ReadFile) => found.mistakes.length > 0;
const sameItems = (some: string[], others: string[]) => some.sort().join() === others.sort().join();

/** How one file is read otherwise. What kubectl refuses may be read, or refused. */
function difference(
  seen: string[],
  code: number,
  stderr: string,
  { found, images, pinnedText }: ReadFile,
  text: string,
): string[] {
  const [mistake] = found.mistakes;
  if (code === 0 && mistake !== undefined)
    return [`kubectl takes it, tagpin says: line ${mistake.line}: ${mistake.message}`];
  const rest = [...images];
  for (const image of seen) {
    const index = rest.indexOf(image);
    if (index === -1 && mistake === undefined) return [`kubectl sees ${image}, tagpin doesn't`];
    if (index !== -1) rest.splice(index, 1);
  }
  if (code === 0 && rest.length > 0) return [`tagpin sees ${rest.join(', ')}, kubectl doesn't: ${stderr}`];
  return unexpected(text, pinnedText);
}

function unexpected(text: string, pinnedText: string): string[] {
  const isSame = pinnedText.replaceAll(DIGEST, '') === text.replaceAll(DIGEST, '');
  return isSame ? [] : ['pinning changes more than images'];
}

const DIGEST = /@sha256:[0-9a-f]{64}/g;

test('tagpin finds the images that kubectl finds, in a thousand files, and changes nothing else', {
  timeout: 180_000,
}, async () => {
  const folder = mkdtempSync(join(directory, 'odd-'));
  const files: File[] = fromModules().map((path) => ({ path, text: readFileSync(path, 'utf8') }));
  for (let seed = firstSeed; seed < firstSeed + GENERATED; seed += 1) {
    const path = join(folder, `${seed}.yaml`);
    const text = oddManifest(seed);
    writeFileSync(path, text);
    files.push({ path, text });
  }
  const found: string[] = [];
  const queue = [...files];
  const work = async () => {
    while (queue.length > 0) found.push(...(await differences(queue.splice(-TOGETHER))));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  expect(found).toEqual([]);
  expect(files.length).toBeGreaterThanOrEqual(GENERATED);
  rmSync(folder, { recursive: true });
});
