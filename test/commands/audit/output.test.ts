import { chmodSync, lstatSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';
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
const cells = (line = '') => line.split(/ {3,}/);

describe('the tables', () => {
  test('begin with a summary in a sentence and in figures, then by namespace', async () => {
    const { out } = await cluster.print();
    const [sentence, findings = '', namespaces = ''] = out.split('\n\n');
    expect(sentence).toBe('5 images in 5 pods of 3 namespaces: 2 by digest (40%)');
    expect(findings.split('\n').map(cells)).toEqual([
      ['FINDING', 'COUNT', 'WHAT IT MEANS'],
      ['invalid', '1', 'the image is no valid reference'],
      ['drift', '1', 'the tag has moved since it was pinned or pulled'],
      ['latest', '2', 'the tag is latest, or there is none'],
      ['unpinned', '2', 'the image is given by tag and not by digest'],
      ['label', '1', "the namespace's label tagpin.dev/pin has a value that means nothing"],
    ]);
    const label =
      'namespace mail has the label tagpin.dev/pin=enforced, which is none of enforce, best-effort, audit: ' +
      'nothing is pinned there; kubectl label --overwrite namespace mail tagpin.dev/pin=enforce';
    expect(namespaces.split('\n').map(cells)).toEqual([
      ['NAMESPACE', 'MODE', 'PODS', 'IMAGES', 'PINNED', 'INVALID', 'DRIFT', 'LATEST', 'UNPINNED', 'NOTE'],
      ['mail', '-', '2', '2', '0%', '0', '0', '2', '2', label],
      ['odd', '-', '1', '1', '0%', '1', '0', '0', '0'],
      ['shop', 'enforce', '2', '2', '100%', '0', '1', '0', '0'],
    ]);
  });

  test('end with each image that has a finding, and what to use instead', async () => {
    const { out } = await cluster.print();
    const lines = out.split('\n\n').at(-1)?.trimEnd().split('\n').map(cells) ?? [];
    expect(lines[0]).toEqual([
      'NAMESPACE',
      'WORKLOAD',
      'CONTAINER',
      'IMAGE',
      'PODS',
      'RUNS',
      'FINDINGS',
      'USE INSTEAD',
      'NOTE',
    ]);
    expect(lines[1]).toEqual([
      'mail',
      'deployment/web',
      'web',
      name,
      '2',
      short(latest),
      'latest,unpinned',
      `${name}@${latest}`,
    ]);
    expect(lines[3]).toEqual([
      'shop',
      'pod/old',
      'web',
      `${name}@${short(before)}`,
      '1',
      short(before),
      'drift',
      `${name}@${before}`,
      `its tag has ${short(after)} now, built 3 d ago, by its config's created`,
    ]);
    expect(lines).toHaveLength(4);
  });

  test('name the pods with -o wide, and only the images that --only names', async () => {
    const { out } = await cluster.print({ output: 'wide', only: ['latest'] });
    const lines = out.split('\n\n').at(-1)?.trimEnd().split('\n').map(cells) ?? [];
    expect(lines.map((line) => line[8])).toEqual(['NAMES', 'web-1,web-2']);
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
      { pass: 0, fail: 3, warn: 0 },
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
