import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { modes } from '../../src/pin/opt-in.ts';
import { failureLabels } from '../../src/resolve/failure.ts';
import { podReview } from '../support/admission.ts';
import { startSecureApiServer } from '../support/api-server.ts';
import { makeFolder } from '../support/folder.ts';
import { image } from '../support/registry/image.ts';
import { startRegistry } from '../support/registry/registry.ts';
import { callWebhook, health, ready, startWebhookProcess } from '../support/webhook-process.ts';
import { type Exposition, readExposition } from './exposition.ts';
import { alerts, expressions, metricsOfOthers, monitor, type Panel, panels } from './manifests.ts';
import { readPromql, selected } from './promql.ts';

const root = join(import.meta.dirname, '../..');
const operations = readFileSync(join(root, 'docs/operations.md'), 'utf8');

/** The metrics that the page has in its tables, each with its labels: `name{label,…}`. */
const documented = new Map(
  [...operations.matchAll(/^\| `((?:tagpin|process|nodejs)_\w+)(?:\{([a-z_,]+)\})?` \|/gm)].map(
    ([, name = '', labels]) => [name, labels?.split(',').sort() ?? []],
  ),
);
/** Where links to headings lead, as GitHub makes them. */
const anchors = [...operations.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
  heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-'),
);

/** What is there before anything has happened, and after. */
let fresh: Exposition;
let exposition: Exposition;

/** What rbac.yaml grants, as the API server counts requests: `GET secrets`. */
function grantedCalls(): string[] {
  const methods: Readonly<Record<string, string>> = { get: 'GET', list: 'GET', patch: 'PATCH' };
  const role = z.object({
    rules: z.array(z.object({ resources: z.array(z.string()), verbs: z.array(z.string()) })).default([]),
  });
  const rules = ['base', 'overlays/default'].flatMap((folder) =>
    parseAllDocuments(readFileSync(join(root, 'manifests', folder, 'rbac.yaml'), 'utf8')).flatMap(
      (document) => role.parse(document.toJS()).rules,
    ),
  );
  const calls = rules.flatMap(({ resources, verbs }) =>
    resources.flatMap((resource) => verbs.map((verb) => `${methods[verb] ?? verb} ${resource}`)),
  );
  return [...new Set(calls)].sort();
}

/** A webhook at work: it pins, refuses, and can't find its webhook configuration. */
beforeAll(async () => {
  using folder = makeFolder();
  await using api = await startSecureApiServer();
  await using registry = await startRegistry();
  registry.push('app', '1', image());
  const kubeconfig = join(folder.path, 'kubeconfig');
  await api.writeKubeconfig(kubeconfig);
  api.put({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace: 'tagpin-system', name: 'tagpin-certificate' },
  });
  await using webhook = await startWebhookProcess({ folder: folder.path, kubeconfig });
  await ready(webhook);
  fresh = readExposition((await health(webhook, '/metrics'))?.text ?? '');
  const secret = z
    .object({ data: z.record(z.string(), z.string()) })
    .parse(api.find('Secret', 'tagpin-system', 'tagpin-certificate'));
  const ca = Buffer.from(secret.data['ca.crt'] ?? '', 'base64').toString();
  for (const tag of ['1', 'absent']) {
    const containers = [{ name: 'web', image: `${registry.host}/app:${tag}` }];
    const review = podReview({ metadata: { name: 'web' }, spec: { containers } });
    await callWebhook(webhook, { path: '/pin/enforce', ca, servername: 'tagpin.tagpin-system.svc', review });
  }
  exposition = readExposition((await health(webhook, '/metrics'))?.text ?? '');
}, 30_000);

describe('docs/operations.md', () => {
  test('describes each metric that a running webhook shows, and no other', () => {
    expect([...documented.keys()].sort()).toEqual([...exposition.metrics].sort());
  });

  test('gives each its labels', () => {
    expect([...exposition.labels.keys()]).toContain('tagpin_images_total');
    for (const [name, labels] of exposition.labels)
      expect([name, documented.get(name)]).toEqual([name, labels]);
  });
});

describe.each(expressions)('$of', ({ expr }) => {
  const { metrics, labels, mistake } = readPromql(expr);

  test('is PromQL', () => expect(mistake).toBeUndefined());

  test('asks for metrics that there are', () => {
    const isThere = (name: string) => exposition.series.has(name) || metricsOfOthers.has(name);
    expect(metrics.filter((name) => !isThere(name))).toEqual([]);
    expect(metrics).not.toEqual([]);
  });

  test('names labels that they have', () => {
    const own = metrics.flatMap(
      (name) => metricsOfOthers.get(name) ?? documented.get(name.replace(/_(bucket|sum|count)$/, '')) ?? [],
    );
    const scraped = ['job', 'instance', 'pod', 'le'];
    expect(labels.filter((label) => ![...own, ...scraped].includes(label))).toEqual([]);
  });
});

test('what is not PromQL, or is not there, would be noticed', () => {
  expect(readPromql('sum by (x) (').mistake).toBeDefined();
  expect(readPromql('rate(tagpin_total[5m]) > 0').metrics).toEqual(['tagpin_total']);
  expect(exposition.series).not.toContain('tagpin_admission_duration_seconds');
});

describe.each(alerts)('the alert $alert', ({ alert, labels, annotations }) => {
  test('leads to what to do about it', () => {
    const { origin, pathname, hash } = new URL(annotations.runbook_url);
    expect(origin + pathname).toBe('https://github.com/tagpin/tagpin/blob/main/docs/operations.md');
    expect(hash).toBe(`#${alert.toLowerCase()}`);
    expect(anchors).toContain(hash.slice(1));
  });

  test('says in its message only what its expression leaves', () => {
    const { expr } = alerts.find((other) => other.alert === alert) ?? { expr: '' };
    const used = [
      ...Object.values(annotations)
        .join()
        .matchAll(/\$labels\.(\w+)/g),
    ].map(([, name]) => name);
    const [, kept] = /^(?:histogram_quantile\(.*?, )?(?:sum|max|min) by \(([a-z, ]+)\)/.exec(expr) ?? [];
    if (kept !== undefined) expect(kept.split(', ')).toEqual(expect.arrayContaining(used));
    expect(labels.severity).toBeDefined();
  });
});

describe('the counters that alerts watch', () => {
  const counters = alerts.flatMap(({ alert, expr }) =>
    readPromql(expr)
      .selectors.filter(({ metric }) => /^tagpin_.*_total$/.test(metric))
      .map((selector) => ({ alert, selector, about: JSON.stringify(selector) })),
  );
  // Which registries there are is known only once images name them.
  const { 'by registry': byRegistry = [], others = [] } = Object.groupBy(counters, ({ selector }) =>
    documented.get(selector.metric)?.includes('registry') ? 'by registry' : 'others',
  );

  test.each(others)('$alert: $about is there before anything has happened', ({ selector }) => {
    expect(selected(fresh.samples, selector)).not.toEqual([]);
  });

  test.each(byRegistry)('$alert: $about is there from the first look at a registry', ({ selector }) => {
    expect(selected(exposition.samples, selector)).not.toEqual([]);
  });

  test('are there for each reason that an image can fail for, in each mode', () => {
    const failed = fresh.samples.filter(
      ({ name, labels: { outcome } }) => name === 'tagpin_images_total' && outcome === 'failed',
    );
    expect(failed.map(({ value }) => value)).toEqual(failed.map(() => 0));
    const seen = failed.map(({ labels }) => `${labels['mode']} ${labels['reason']}`).sort();
    expect(seen).toEqual(modes.flatMap((mode) => failureLabels.map((label) => `${mode} ${label}`)).sort());
  });

  test('are there for each permission that tagpin can be without', () => {
    const forbidden = fresh.samples.filter(
      ({ name, labels: { status } }) => name === 'tagpin_kubernetes_requests_total' && status === '403',
    );
    const asked = forbidden.map(({ labels }) => `${labels['method']} ${labels['resource']}`);
    expect(asked.sort()).toEqual(grantedCalls());
  });
});

test('each alert has a name of its own', () => {
  expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length);
});

test('the ServiceMonitor finds the port that the Service has for metrics', () => {
  const documents = parseAllDocuments(readFileSync(join(root, 'manifests/base/service.yaml'), 'utf8'));
  const service = z
    .object({ spec: z.object({ ports: z.array(z.object({ name: z.string(), targetPort: z.string() })) }) })
    .parse(documents[0]?.toJS());
  for (const { port } of monitor.endpoints) {
    expect(service.spec.ports.find(({ name }) => name === port)?.targetPort).toBe('health');
  }
  expect(monitor.selector.matchLabels).toEqual({ 'app.kubernetes.io/name': 'tagpin' });
});

describe('the dashboard', () => {
  const overlap = (a: Panel['gridPos'], b: Panel['gridPos']) =>
    a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;

  test('has room for each panel', () => {
    for (const [index, panel] of panels.entries()) {
      expect(panel.gridPos.x + panel.gridPos.w).toBeLessThanOrEqual(24);
      const over = panels.slice(index + 1).filter((other) => overlap(panel.gridPos, other.gridPos));
      expect([panel.title, over.map(({ title }) => title)]).toEqual([panel.title, []]);
    }
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  });

  test("shows each of tagpin's own metrics", () => {
    const shown = expressions.flatMap(({ expr }) => readPromql(expr).metrics);
    const bases = new Set(shown.map((name) => name.replace(/_(bucket|sum|count)$/, '')));
    const own = exposition.metrics.filter((name) => name.startsWith('tagpin_'));
    expect(own.filter((name) => !bases.has(name))).toEqual([]);
  });
});
