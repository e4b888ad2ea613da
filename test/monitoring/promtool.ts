import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { makeFolder } from '../support/folder.ts';
import { type Groups, groups } from './manifests.ts';

/** Debian's package `prometheus` has it. */
const PROMTOOL = '/usr/bin/promtool';

/** Why a test by promtool is skipped; undefined where it isn't. With CI set, none is. */
export const withoutPromtool =
  existsSync(PROMTOOL) || process.env['CI'] ? undefined : 'there is no promtool: apt-get install prometheus';

/** What is scraped over time, and which alerts ring then: a group of tests in promtool's own format. */
const situationSchema = z.strictObject({
  name: z.string(),
  input_series: z.array(z.strictObject({ series: z.string(), values: z.string() })),
  alert_rule_test: z.array(
    z.strictObject({
      eval_time: z.string(),
      alertname: z.string(),
      exp_alerts: z.array(z.record(z.string(), z.record(z.string(), z.string()))).default([]),
    }),
  ),
});
export type Situation = z.infer<typeof situationSchema>;

/** The situations in a file of this folder. */
export const readSituations = (file: string) =>
  z.array(situationSchema).parse(parse(readFileSync(join(import.meta.dirname, file), 'utf8')));

export const situations = readSituations('alerts.yaml');

/** The rules as Prometheus itself reads them. Of the annotations only what is compared is left. */
const printRules = (groups: Groups) =>
  stringify({
    groups: groups.map(({ name, rules }) => ({
      name,
      rules: rules.map(({ annotations: { summary }, ...rule }) => ({ ...rule, annotations: { summary } })),
    })),
  });

/** What promtool finds wrong with the rules in a situation; empty if each alert rings as expected. */
export async function failuresIn(situation: Situation, of: Groups = groups): Promise<string> {
  using folder = makeFolder({
    'rules.yaml': printRules(of),
    'test.yaml': stringify({
      rule_files: ['rules.yaml'],
      evaluation_interval: '30s',
      tests: [{ interval: '30s', ...situation }],
    }),
  });
  return await new Promise((resolve) => {
    execFile(PROMTOOL, ['test', 'rules', join(folder.path, 'test.yaml')], (error, stdout, stderr) =>
      resolve(error === null ? '' : stdout + stderr),
    );
  });
}
