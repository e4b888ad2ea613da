import { readFileSync, writeFileSync } from 'node:fs';
import { furnish } from '../../e2e/cluster/isolation.ts';
import { measureCreates } from './creates.ts';
import { figuresFile } from './run.ts';
import { measureScale } from './scale.ts';
import { settingsSchema } from './settings.ts';

// The first process of its namespaces: when it ends, all that it started ends with it. It ends with its parent.
process.stdin.resume().on('end', () => process.exit(1));

try {
  const { directory, binaries, work } = settingsSchema.parse(
    JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')),
  );
  await furnish(directory, []);
  const figures =
    work.what === 'creates'
      ? await measureCreates(directory, binaries, work)
      : await measureScale(directory, binaries, work);
  writeFileSync(figuresFile(directory), JSON.stringify(figures));
  process.exit(0);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
