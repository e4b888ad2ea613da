import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';

/*
 * The least that anything which pins manifests with this YAML library does: read each file, and parse it.
 */

const [folder = ''] = process.argv.slice(2);
for (const name of readdirSync(folder)) parseAllDocuments(readFileSync(join(folder, name), 'utf8'));
