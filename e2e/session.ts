import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { furnish } from './cluster/isolation.ts';
import { startKindCluster } from './cluster/kind.ts';
import { startLocalCluster } from './cluster/local.ts';
import { registryHosts } from './cluster/registries.ts';
import { readSettings, type Settings } from './settings.ts';
import { type Cluster, clusterVariable, type StartedCluster } from './support/cluster.ts';
import { step } from './support/step.ts';
import { runTests } from './tests.ts';

// The first process of its namespaces: when it ends, all processes that it started end too. It ends with e2e/main.ts,
// which holds the other end of its standard input.
process.stdin.resume().on('end', () => process.exit(1));

async function start({ directory, cluster }: Settings): Promise<StartedCluster> {
  if (cluster.where === 'kind') return await startKindCluster(directory, cluster.programs);
  await furnish(directory, registryHosts);
  return await startLocalCluster(directory, cluster.binaries, cluster.image);
}

async function session(settings: Settings): Promise<number> {
  const { directory, keep, vitest, packaged } = settings;
  const started = performance.now();
  const cluster: Cluster = { ...(await start(settings)), packaged };
  const description = join(directory, 'cluster.json');
  writeFileSync(description, JSON.stringify(cluster), { mode: 0o600 });
  const code = await step('tests run', () => runTests(vitest, { [clusterVariable]: description }));
  console.log(`cluster and tests took ${Math.round((performance.now() - started) / 1000)} s`);
  if (keep) {
    // Last, because tagpin's folder also has a Node.js.
    const path = [join(cluster.programs.kubectl, '..'), '$PATH', packaged].join(':');
    console.log(`\nThe cluster stays up until Ctrl-C. In another terminal:
  nsenter --all --target "$(pgrep --full --newest e2e/session.ts)" env KUBECONFIG=${cluster.kubeconfig} PATH=${path} bash
Its registry ${cluster.openRegistry} takes pushes from anyone: crane append --insecure --base ${cluster.shellImage} …`);
    await new Promise(() => {});
  }
  return code;
}

try {
  process.exit(await session(readSettings(process.argv[2] ?? '')));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
