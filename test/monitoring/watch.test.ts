import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { WatchMetrics } from '../../src/commands/watch/metrics.ts';
import { type Exposition, readExposition } from './exposition.ts';
import { readGroups } from './manifests.ts';
import { readPromql } from './promql.ts';
import { failuresIn, readSituations, withoutPromtool } from './promtool.ts';

const groups = readGroups('watch/monitoring/prometheus-rule.yaml');
const alerts = groups.flatMap(({ rules }) => rules);
const situations = readSituations('watch-alerts.yaml');
const page = readFileSync(join(import.meta.dirname, '../../docs/watch.md'), 'utf8');

let exposition: Exposition;
beforeAll(async () => {
  const metrics = new WatchMetrics();
  const at = new Date(0);
  const namespace = {
    name: 'shop',
    mode: undefined,
    label: undefined,
    pods: 1,
    templates: 0,
    images: 1,
    distinct: 1,
    pinned: 1,
    counts: {},
    findings: [],
    notes: [],
  };
  metrics.show({ at, cluster: undefined, namespaces: [namespace], images: [], problems: [] }, 1);
  exposition = readExposition(await metrics.text());
});

if (withoutPromtool !== undefined) test.skip(`the alerts by promtool: ${withoutPromtool}`, () => undefined);

describe('alerts of tagpin watch ring, or stay silent, when', () => {
  test.skipIf(withoutPromtool !== undefined).each(situations)('$name', async (situation) => {
    expect(await failuresIn(situation, groups)).toBe('');
  });
});

describe.each(alerts)('the alert $alert', ({ alert, expr, annotations }) => {
  test('asks for metrics that there are, in PromQL', () => {
    const { metrics, mistake } = readPromql(expr);
    expect(mistake).toBeUndefined();
    expect(metrics.filter((name) => !exposition.series.has(name))).toEqual([]);
  });

  test('rings in a situation, and in another is silent', () => {
    const tried = situations.flatMap(({ alert_rule_test: tests }) =>
      tests.filter(({ alertname }) => alertname === alert),
    );
    expect(tried.filter(({ exp_alerts }) => exp_alerts.length > 0)).not.toEqual([]);
    expect(tried.filter(({ exp_alerts }) => exp_alerts.length === 0)).not.toEqual([]);
  });

  test('leads to what to do about it', () => {
    const { pathname, hash } = new URL(annotations.runbook_url);
    expect(pathname).toBe('/tagpin/tagpin/blob/main/docs/watch.md');
    expect(hash).toBe(`#${alert.toLowerCase()}`);
    expect(page).toMatch(new RegExp(`^### ${alert}$`, 'm'));
  });
});

test('docs/watch.md describes each metric, with its labels, and no other', () => {
  const documented = [...page.matchAll(/^\| `(tagpin_\w+)(?:\{([a-z_,]+)\})?` \|/gm)];
  expect(documented.map(([, name]) => name).sort()).toEqual([...exposition.metrics].sort());
  for (const [, name = '', labels] of documented) {
    if (labels === 'namespace') continue;
    expect([name, exposition.labels.get(name) ?? []]).toEqual([name, labels?.split(',').sort() ?? []]);
  }
});
