import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import type { Cluster } from './cluster.ts';
import { type Result, run } from './command.ts';

const project = join(import.meta.dirname, '../..');

/** A block of commands in a document. */
export interface Block {
  /** The nearest heading above. */
  readonly heading: string;
  readonly commands: string;
}

/**
 * The blocks of a document that the tests run, in order: those that begin with ```` ```sh e2e ````. A group of blocks,
 * such as a second way to install the same, begins with ```` ```sh e2e=GROUP ````.
 */
export function blocksOf(file: string, group?: string): Block[] {
  const text = readFileSync(join(project, file), 'utf8');
  const fence = `sh e2e${group === undefined ? '' : `=${group}`}`;
  let heading = '';
  return [...text.matchAll(/^#+ (.+)$|^```(.*)\n([\s\S]*?)^```$/gm)].flatMap(
    ([, title, info, commands = '']) => {
      if (title !== undefined) heading = title;
      return info === fence ? [{ heading, commands }] : [];
    },
  );
}

const installed = z.object({
  images: z.tuple([z.looseObject({ newName: z.string(), newTag: z.string() })]),
  patches: z.array(z.object({ patch: z.string() })),
});
const configMap = z.object({
  kind: z.literal('ConfigMap'),
  data: z.object({ 'config.yaml': z.string(), 'ca.crt': z.string() }),
});
const deployment = z.object({
  kind: z.literal('Deployment'),
  spec: z.object({ template: z.object({ spec: z.object({ hostAliases: z.unknown() }) }) }),
});

/** Runs commands as a reader would, in a clone whose manifests and chart are adapted to the tests' cluster. */
export interface Reader {
  run(commands: string): Promise<Result>;
}

/**
 * The clone is made when the first commands run, because tests are also listed where there is no cluster.
 *
 * @param kustomization the folder of the kustomization that tagpin was installed with: image, CA and host names
 */
export function readerOf(cluster: Cluster, kustomization: string): Reader {
  let clone: ReturnType<typeof cloneFor> | undefined;
  return {
    run: (commands) => {
      clone ??= cloneFor(cluster, kustomization);
      return run(['bash', '-euo', 'pipefail', '-c', commands], clone);
    },
  };
}

function cloneFor(cluster: Cluster, kustomization: string) {
  const clone = mkdtempSync(join(cluster.directory, 'clone-'));
  for (const folder of ['manifests', 'charts'])
    cpSync(join(project, folder), join(clone, folder), { recursive: true });
  const { images, patches } = installed.parse(
    parse(readFileSync(join(kustomization, 'kustomization.yaml'), 'utf8')),
  );
  adaptManifests(clone, { images, patches });
  adaptChart(clone, images[0], patches);
  const programs = join(clone, '.programs');
  writeProgram(join(programs, 'tagpin'), `exec ${process.execPath} ${join(project, 'src/main.ts')} "$@"`);
  writeProgram(join(programs, 'helm'), `exec ${cluster.programs.helm} "$@"`);
  const env = {
    PATH: [programs, dirname(cluster.programs.kubectl), process.env['PATH']].join(':'),
    KUBECONFIG: cluster.kubeconfig,
    NODE_EXTRA_CA_CERTS: cluster.caFile,
    HELM_CACHE_HOME: join(clone, '.helm'),
    HELM_CONFIG_HOME: join(clone, '.helm'),
    HELM_DATA_HOME: join(clone, '.helm'),
  };
  return { cwd: clone, env };
}

function writeProgram(path: string, line: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `#!/bin/sh\n${line}\n`);
  chmodSync(path, 0o755);
}

const kustomizationSchema = z.looseObject({ patches: z.array(z.unknown()).default([]) });

/** Adds image and patches to the base of all overlays. */
function adaptManifests(clone: string, own: Pick<z.infer<typeof installed>, 'images' | 'patches'>): void {
  const file = join(clone, 'manifests/base/kustomization.yaml');
  const base = kustomizationSchema.parse(parse(readFileSync(file, 'utf8')));
  writeFileSync(file, stringify({ ...base, images: own.images, patches: [...base.patches, ...own.patches] }));
}

/** Adds the same to the chart's default values. */
function adaptChart(
  clone: string,
  image: z.infer<typeof installed>['images'][0],
  patches: readonly { readonly patch: string }[],
): void {
  const objects = patches.map(({ patch }): unknown => parse(patch));
  const config = objects.flatMap((object) => configMap.safeParse(object).data ?? [])[0];
  const aliases = objects.flatMap((object) => deployment.safeParse(object).data ?? [])[0];
  const file = join(clone, 'charts/tagpin/values.yaml');
  const values = z.looseObject({}).parse(parse(readFileSync(file, 'utf8')));
  const own = {
    image: { repository: image.newName, tag: image.newTag, digest: '', pullPolicy: '' },
    hostAliases: aliases?.spec.template.spec.hostAliases,
    config: parse(config?.data['config.yaml'] ?? ''),
    configFiles: { 'ca.crt': config?.data['ca.crt'] ?? '' },
  };
  writeFileSync(file, stringify({ ...values, ...own }));
}
