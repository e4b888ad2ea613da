import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { createProgram } from '../../../src/command-line/program.ts';
import { idle } from '../../command-line/programs.ts';
import { parsePath, verbOf } from '../../support/api-server/route.ts';
import { startKeepCluster } from './keeps.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/keep.md'), 'utf8');
const [, yaml = ''] = /```yaml\n(.*?)```/s.exec(page) ?? [];
const objects = parseAllDocuments(yaml).map((document): unknown => document.toJS());

const roleSchema = z.object({
  kind: z.literal('ClusterRole'),
  rules: z.array(
    z.object({ apiGroups: z.array(z.string()), resources: z.array(z.string()), verbs: z.array(z.string()) }),
  ),
});
const containers = z.array(z.object({ args: z.array(z.string()) }));
const cronJobSchema = z.object({
  kind: z.literal('CronJob'),
  spec: z.object({
    jobTemplate: z.object({ spec: z.object({ template: z.object({ spec: z.object({ containers }) }) }) }),
  }),
});
const found = <T>(schema: z.ZodType<T>) =>
  objects.flatMap((object) => {
    const parsed = schema.safeParse(object);
    return parsed.success ? [parsed.data] : [];
  })[0];

test("the page's example for the cluster grants what a hold asks of the API server, and nothing else", async () => {
  await using cluster = await startKeepCluster();
  await cluster.keep({ hold: true, cluster: 'prod', dryRun: true });
  const asked = cluster.api.requests.entries.flatMap(({ method, path }) => {
    const target = parsePath(decodeURIComponent(path));
    const verb = target && verbOf(method, target);
    return target === undefined ? [] : [`${verb} ${target.resource.group}/${target.resource.name}`];
  });
  const granted = found(roleSchema)?.rules.flatMap(({ apiGroups, resources, verbs }) =>
    verbs.flatMap((verb) => resources.map((resource) => `${verb} ${apiGroups[0]}/${resource}`)),
  );
  expect([...new Set(asked)].sort()).toEqual(granted?.sort());
});

test("the page's example for the cluster calls the command with options that it has", () => {
  const args = found(cronJobSchema)?.spec.jobTemplate.spec.template.spec.containers[0]?.args ?? [];
  const [name, ...options] = args;
  const command = createProgram(idle).commands.find((known) => known.name() === name);
  const known = command?.options.map(({ long }) => long);
  expect(options.length).toBeGreaterThan(0);
  for (const option of options) expect(known).toContain(option.replace(/=.*/, ''));
});
