import type { Declare } from './options.ts';

interface ServeOptions {
  config?: string;
  check?: boolean;
  kubeconfig?: string;
}

export const declareServe: Declare = (program, runtime) =>
  program
    .command('serve')
    .description('serve the admission webhook')
    .option(
      '--config <file>',
      'the configuration: a YAML file, or a folder of *.yaml; by default, every key has its default',
    )
    .option(
      '--check',
      'only validate the configuration and the files that it names: exit code 0, or 2 with all mistakes',
    )
    .option('--kubeconfig <file>', 'the kubeconfig file; in a pod, by default its ServiceAccount')
    .action(async ({ config: file, check, ...cluster }: ServeOptions) => {
      if (check) {
        const { checkConfig } = await import('../commands/serve.ts');
        return await runtime.end(await checkConfig(file, () => runtime.context(cluster)));
      }
      const { loadConfig } = await import('../config.ts');
      const config = loadConfig(file);
      const { createLogger, openLogOutput } = await import('../telemetry/log.ts');
      const { serve } = await import('../commands/serve.ts');
      const { environment, connect, interrupted } = runtime.context(cluster);
      const log = createLogger(config.log.level, openLogOutput());
      await serve(config, environment, await connect(), log, interrupted);
    });
