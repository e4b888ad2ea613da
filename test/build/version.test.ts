import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import packageJson from '../../package.json' with { type: 'json' };
import packageLock from '../../package-lock.json' with { type: 'json' };

const read = (path: string) => readFileSync(join(import.meta.dirname, '../..', path), 'utf8');
const { version } = packageJson;

test('the lock has the version of package.json', () => {
  expect([packageLock.version, packageLock.packages[''].version]).toEqual([version, version]);
});

test('the chart has it, for itself and for the image', () => {
  const chart = z
    .object({ version: z.string(), appVersion: z.string() })
    .parse(parse(read('charts/tagpin/Chart.yaml')));
  expect(chart).toEqual({ version, appVersion: version });
});

test.each(['manifests/base/deployment.yaml', 'docs/install.md'])('%s names the image by it', (path) => {
  const tags = [...read(path).matchAll(/\/tagpin:(\d[\w.-]*)/g)].map(([, tag]) => tag);
  expect(new Set(tags)).toEqual(new Set([version]));
});

test('the changelog has it, or what is not released yet', () => {
  const newest = /^## \[([^\]]+)\]/m.exec(read('CHANGELOG.md'))?.[1];
  expect(['Unreleased', version]).toContain(newest);
});
