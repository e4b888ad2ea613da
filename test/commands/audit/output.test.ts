import { chmodSync, lstatSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { tagpin } from '../../support/command-line.ts';
import { image } from '../../support/registry/image.ts';
import { type Registry, startRegistry } from '../../support/registry/registry.ts';
import {
  type AuditCluster,
  auditSchema,
  deployment,
  namespaceObject,
  pod,
  podOf,
  startAuditCluster,
} from './audits.ts';

let cluster: AuditCluster;
let registry: Registry;
let name: string;
let [latest, before, after] = ['', '', ''];

beforeAll(async () => {
  cluster = await startAuditCluster();
  registry = await startRegistry();
  name = `${registry.host}/app`;
  latest = registry.push('app', 'latest', image());
  before = registry.push('app', '1', image());
  after = registry.push('app', '1', image({ created: new Date(Date.now() - 3 * 86_400_000).toISOString() }));
  cluster.put(
    namespaceObject('mail', 'enforced'),
    ...deployment({ namespace: 'mail', image: name }),
    podOf({ namespace: 'mail', name: 'web-1', image: name, imageId: `${name}@${latest}` }),
    podOf({ namespace: 'mail', name: 'web-2', image: name, imageId: `${name}@${latest}` }),
    namespaceObject('shop', 'enforce'),
    pod({ namespace: 'shop', name: 'old', image: `${name}@${before}`, from: `${name}:1` }),
    pod({ namespace: 'shop', name: 'new', image: `${name}@${after}`, from: `${name}:1` }),
    // An image's text is nobody's to trust.
    namespaceObject('odd'),
    pod({ namespace: 'odd', name: 'odd', image: '=cmd|"a,b"\u001b[2J' }),
  );
});
afterAll(async () => {
  await Promise.all([cluster[Symbol.asyncDispose](), registry.close()]);
});

const short = (digest: string) => digest.slice(0, 19);
const hex = (digest: string) => digest.slice(7, 19);
const cells = (line = '') => line.split(/ {3,}/);

describe('the tables', () => {
  test('begin with a summary in a sentence and in figures, then by namespace', async () => {
    const { out } = await cluster.print();
    const [sentence, findings = '', namespaces = '', remarks = ''] = out.split('\n\n');
    expect(sentence).toBe(
      '3 images in 5 pods of 3 namespaces: 2 of 5 containers by digest (40%)\nCluster embedded',
    );
    expect(findings.split('\n').map(cells)).toEqual([
      ['FINDING', 'COUNT', 'WHAT IT MEANS'],
      ['invalid', '1', 'the image is no valid reference'],
      ['drift', '1', 'the tag has moved since it was pinned or pulled'],
      ['latest', '2', 'the tag is latest, or there is none'],
      ['unpinned', '2', 'the image is given by tag and not by digest'],
      ['label', '1', "the namespace's label tagpin.dev/pin has a value that means nothing"],
      ['ineffective', '1', "the namespace's label tagpin.dev/pin has no effect: nothing is pinned by it"],
    ]);
    expect(namespaces.split('\n').map(cells)).toEqual([
      ['NAMESPACE', 'MODE', 'PODS', 'IMAGES', 'PINNED', 'INVALID', 'DRIFT', 'LATEST', 'UNPINNED'],
      ['mail', '-', '2', '1', '0%', '0', '0', '2', '2'],
      ['odd', '-', '1', '1', '0%', '1', '0', '0', '0'],
      ['shop', 'enforce', '2', '1', '100%', '0', '1', '0', '0'],
    ]);
    expect(remarks.trimEnd().replaceAll('\n', ' ')).toBe(
      'namespace mail has the label tagpin.dev/pin=enforced, which is none of enforce, best-effort, audit: ' +
        'nothing is pinned there; kubectl label --overwrite namespace mail tagpin.dev/pin=enforce',
    );
  });

  test('go on with each image that has a finding: which tag, what runs, and below it what there is to know', async () => {
    const { out } = await cluster.print();
    const lines = out.split('\n\n').at(4)?.trimEnd().split('\n') ?? [];
    expect(lines.map(cells)).toEqual([
      ['NAMESPACE', 'WORKLOAD', 'IMAGE', 'RUNS', 'PODS', 'FINDINGS'],
      ['mail', 'deployment/web', name, hex(latest), '2', 'latest,unpinned'],
      ['odd', 'pod/odd', '=cmd|"a,b"\\u{1b}[2J', '-', '1', 'invalid'],
      ['', expect.stringMatching(/^invalid image reference /)],
      ['', 'write it in lower case'],
      ['shop', 'pod/old', `${name}:1`, hex(before), '1', 'drift'],
      ['', `tag 1 has ${short(after)} now, built 3 d ago, by its config's created`],
    ]);
  });

  test('have no line of more than 100 characters, however long the names are', async () => {
    const namespace = 'n'.repeat(60);
    const image = `${registry.host}/${'team-'.repeat(20)}app:${'1'.repeat(60)}`;
    cluster.put(
      namespaceObject(namespace, 'audit'),
      pod({ namespace, name: 'p'.repeat(200), image, pullPolicy: 'Always' }),
      pod({
        namespace,
        name: 'q'.repeat(200),
        image: `${name}@${before}`,
        from: `${name}:1`,
        pullPolicy: 'Always',
      }),
    );
    const { out } = await cluster.print({ namespace: [namespace, 'shop'] });
    cluster.api.remove('Namespace', undefined, namespace);
    cluster.api.remove('Pod', namespace, 'p'.repeat(200));
    cluster.api.remove('Pod', namespace, 'q'.repeat(200));
    expect(out.split('\n').filter((line) => line.length > 100)).toEqual([]);
    expect(out).toMatch(/^nnn+…nnn+ +pod\/pp+…pp+ /m);
  });

  test('have everything in one line for each image with -o wide, and only the images that --only names', async () => {
    const { out } = await cluster.print({ output: 'wide', only: ['latest'] });
    const lines = out.split('\n\n').at(-1)?.trimEnd().split('\n').map(cells) ?? [];
    expect(lines).toEqual([
      [
        'NAMESPACE',
        'WORKLOAD',
        'CONTAINER',
        'IMAGE',
        'PODS',
        'RUNS',
        'FINDINGS',
        'USE INSTEAD',
        'NAMES',
        'NOTE',
      ],
      [
        'mail',
        'deployment/web',
        'web',
        name,
        '2',
        short(latest),
        'latest,unpinned',
        `${name}@${latest}`,
        'web-1,web-2',
      ],
    ]);
  });

  test('let no image write to the terminal', async () => {
    const { out } = await cluster.print();
    expect(out).not.toContain('\u001b');
    expect(out).toContain('\\u{1b}[2J');
  });
});

test('-o yaml is what -o json is', async () => {
  const [yaml, json] = await Promise.all([cluster.print({ output: 'yaml' }), cluster.audit()]);
  expect(auditSchema.parse(parse(yaml.out))).toEqual(json.data);
});

test('-o csv has a row for each image, and nothing in it is a formula', async () => {
  const { out } = await cluster.print({ output: 'csv' });
  const [headings, ...rows] = out.trimEnd().split('\r\n');
  expect(headings?.split(',').slice(0, 6)).toEqual([
    'namespace',
    'workload',
    'managedBy',
    'revision',
    'container',
    'image',
  ]);
  expect(rows).toHaveLength(4);
  expect(rows.find((row) => row.startsWith('odd'))).toContain(`,"'=cmd|""a,b""\\u{1b}[2J",`);
});

describe.each([
  ['policyreport', 'wgpolicyk8s.io/v1alpha2', 'PolicyReport'],
  ['openreports', 'openreports.io/v1alpha1', 'Report'],
] as const)('-o %s', (output, apiVersion, kind) => {
  /** As the CustomResourceDefinitions have them, the oldest in use too, and nothing beside. */
  const severity = z.enum(['high', 'low', 'medium']).optional();
  const resource = z.strictObject({
    apiVersion: z.string(),
    kind: z.string(),
    name: z.string(),
    namespace: z.string().optional(),
  });
  const reportSchema = z.strictObject({
    apiVersion: z.literal(apiVersion),
    kind: z.literal(kind),
    metadata: z.strictObject({
      name: z.string(),
      namespace: z.string(),
      labels: z.record(z.string(), z.string()),
    }),
    scope: resource,
    summary: z.strictObject({ pass: z.int(), fail: z.int(), warn: z.int(), error: z.int(), skip: z.int() }),
    results: z.array(
      z.strictObject({
        source: z.string(),
        policy: z.string(),
        category: z.string(),
        severity,
        result: z.enum(['pass', 'fail', 'warn', 'error', 'skip']),
        scored: z.boolean(),
        timestamp: z.strictObject({ seconds: z.int(), nanos: z.int() }),
        message: z.string(),
        resources: z.array(resource),
        properties: z.record(z.string(), z.string()).optional(),
      }),
    ),
  });

  test('is a report for each namespace, in the format that dashboards read', async () => {
    const { out } = await cluster.print({ output });
    const reports = parseAllDocuments(out).map((document) => reportSchema.parse(document.toJS()));
    expect(reports.map(({ metadata }) => metadata.namespace)).toEqual(['mail', 'odd', 'shop']);
    expect(reports.map(({ summary }) => summary)).toMatchObject([
      { pass: 0, fail: 4, warn: 0 },
      { pass: 0, fail: 1, warn: 0 },
      { pass: 1, fail: 0, warn: 1 },
    ]);
    expect(reports[2]?.results.find(({ result }) => result === 'warn')).toMatchObject({
      policy: 'tagpin-drift',
      resources: [{ apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: 'old' }],
      properties: { use: `${name}@${before}`, runs: before },
    });
  });
});

test('--html writes through a symbolic link, and keeps the mode of the file', async () => {
  const [page, link] = [join(cluster.folder, 'page.html'), join(cluster.folder, 'latest.html')];
  writeFileSync(page, 'of yesterday');
  chmodSync(page, 0o640);
  symlinkSync('page.html', link);
  await cluster.print({ registry: false, html: link });
  expect(lstatSync(link).isSymbolicLink()).toBe(true);
  expect(readFileSync(page, 'utf8')).toMatch(/^<!doctype html>/);
  expect(statSync(page).mode & 0o777).toBe(0o640);
});

test('an image counts once for a namespace, as it was written, and so it does in adopt and preflight', async () => {
  const namespace = 'counted';
  cluster.put(
    namespaceObject(namespace, 'enforce'),
    ...deployment({ namespace, image: `${name}:1` }),
    ...deployment({ namespace, name: 'more', image: `${name}:latest` }),
    ...['one', 'two', 'three'].map((pod) =>
      podOf({ namespace, name: pod, image: `${name}:1`, imageId: `${name}@${after}` }),
    ),
    podOf({
      namespace,
      deployment: 'more',
      name: 'more',
      image: `${name}@${latest}`,
      from: `${name}:latest`,
    }),
  );
  const counts = await Promise.all(
    ['audit', 'adopt', 'preflight'].map(async (command) => {
      const { stdout, stderr } = await tagpin([command, namespace, '--kubeconfig', cluster.kubeconfig]);
      return /\b(\d+) images\b/.exec(stdout + stderr)?.[0];
    }),
  );
  const { data } = await cluster.audit({ namespace: [namespace] });
  cluster.api.remove('Namespace', undefined, namespace);
  expect(counts).toEqual(['2 images', '2 images', '2 images']);
  expect(data.summary).toMatchObject({ distinct: 2, images: 4, pods: 4 });
});
