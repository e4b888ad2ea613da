import packageJson from '../../package.json' with { type: 'json' };
import type { Declare } from './options.ts';

export const declareVersion: Declare = (program, runtime) =>
  program
    .command('version')
    .description('print the version')
    .action(async () => {
      runtime.context({}).terminal.out(`${packageJson.version}\n`);
      await runtime.end(0);
    });
