import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { configurationPage } from './configuration.ts';
import { withConfigSchema } from './values-schema.ts';

/** `npm run docs`: writes what the pages and the chart have from the code. */
const root = join(import.meta.dirname, '../..');
const page = join(root, 'docs/configuration.md');
writeFileSync(page, configurationPage(readFileSync(page, 'utf8')));
const schema = join(root, 'charts/tagpin/values.schema.json');
writeFileSync(schema, `${JSON.stringify(withConfigSchema(readFileSync(schema, 'utf8')), undefined, 2)}\n`);
