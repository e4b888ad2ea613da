import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { start } from '../../support/command-line.ts';
import { image } from '../../support/registry/image.ts';
import { type Registry, startRegistry } from '../../support/registry/registry.ts';
import {
  type AuditCluster,
  auditSchema,
  deployment,
  namespaceObject,
  podOf,
  startAuditCluster,
} from './audits.ts';

/*
 * A cluster of 10,000 pods of 1,000 Deployments in 50 namespaces, that run 200 images; each pod as large as one is.
 */
const NAMESPACES = 50;
const DEPLOYMENTS = 20;
const PODS = 10;
const IMAGES = 200;
const PAGE = 250;
const all = NAMESPACES * DEPLOYMENTS * PODS;
/** What `kubectl get -o json` shows of a pod beside what tagpin reads: managed fields, conditions, mounts. */
const BALLAST = 4_000;

let cluster: AuditCluster;
let registry: Registry;

beforeAll(async () => {
  cluster = await startAuditCluster();
  registry = await startRegistry();
  const images = Array.from({ length: IMAGES }, (_, number) => {
    const repository = `app-${number}`;
    const digest = registry.push(repository, '1', image());
    return {
      tagged: `${registry.host}/${repository}:1`,
      imageId: `${registry.host}/${repository}@${digest}`,
    };
  });
  for (let n = 0; n < NAMESPACES; n++) {
    const namespace = `team-${n}`;
    cluster.put(namespaceObject(namespace));
    for (let d = 0; d < DEPLOYMENTS; d++) {
      const name = `app-${n}-${d}`;
      const { tagged, imageId } = images[(n * DEPLOYMENTS + d) % IMAGES] ?? { tagged: '', imageId: '' };
      cluster.put(...deployment({ namespace, name, image: tagged }));
      for (let p = 0; p < PODS; p++) {
        const pod = podOf({ namespace, deployment: name, name: `${name}-abc-${p}`, image: tagged, imageId });
        cluster.put({ ...pod, metadata: { ...pod.metadata, managedFields: ['x'.repeat(BALLAST)] } });
      }
    }
  }
}, 120_000);
afterAll(async () => {
  await Promise.all([cluster[Symbol.asyncDispose](), registry.close()]);
});

/** Runs the command; the most memory that it had resident, in MiB, is read while it runs. */
async function run(...args: string[]) {
  cluster.api.requests.clear();
  registry.requests.clear();
  const { child, result } = start(['audit', '--kubeconfig', cluster.kubeconfig, ...args]);
  let peak = 0;
  const status = `/proc/${child.pid}/status`;
  const look = () => {
    if (!existsSync(status)) return;
    const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(status, 'utf8')) ?? [];
    peak = Math.max(peak, Number(kilobytes ?? 0) / 1024);
  };
  const timer = setInterval(look, 20);
  const { code, stdout, stderr, milliseconds } = await result;
  clearInterval(timer);
  const requests = { api: cluster.api.requests.entries.length, registry: registry.requests.entries.length };
  return { code, stdout, stderr, peak: Math.round(peak), seconds: milliseconds / 1000, requests };
}

test('10,000 pods are read in pages, each image is resolved once, and memory stays bounded', async () => {
  const few = await run('-n', 'team-0', '-o', 'json');
  const many = await run('-o', 'json');
  const report = auditSchema.parse(JSON.parse(many.stdout));
  expect({ code: many.code, stderr: many.stderr }).toEqual({ code: 0, stderr: '' });
  expect(report.summary).toMatchObject({ namespaces: NAMESPACES, pods: all, images: all, pinned: 0 });
  expect(report.images).toHaveLength(NAMESPACES * DEPLOYMENTS);
  expect(report.images.flatMap(({ pods }) => pods)).toHaveLength(all);
  expect(cluster.api.requests.of('pods', 'list')).toHaveLength(all / PAGE);
  expect(many.requests.registry).toBe(IMAGES);
  // Namespaces, nodes and seven kinds of workloads, in pages too; the ServiceAccount of each namespace.
  expect(many.requests.api - all / PAGE).toBeLessThan(4 + 2 * 4 + 6 + NAMESPACES);
  if (process.env['FIGURES'] !== undefined) {
    const figures = ({ peak, seconds, requests, stdout }: typeof many) =>
      JSON.stringify({ peak, seconds, requests, bytes: stdout.length });
    console.log(`200 pods: ${figures(few)}\n10,000 pods: ${figures(many)}`);
  }
  // Far less than the 60 MB that the pods are alone, parsed: what is kept is by workload.
  expect(many.peak - few.peak).toBeLessThan(200);
  expect(many.peak).toBeLessThan(400);
}, 120_000);
