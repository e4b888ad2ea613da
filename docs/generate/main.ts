import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { configurationPage } from './configuration.ts';

/** `npm run docs`: writes what the pages have from the code. */
const page = join(import.meta.dirname, '../configuration.md');
writeFileSync(page, configurationPage(readFileSync(page, 'utf8')));
