import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';

// The least that pinning manifests with this YAML library takes: each file is read and parsed.

const [folder = ''] = process.argv.slice(2);
for (const name of readdirSync(folder)) parseAllDocuments(readFileSync(join(folder, name), 'utf8'));
