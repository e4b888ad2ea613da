import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startDaemon } from '../../e2e/support/daemon.ts';

/** Far more than by default, for pods that all start at once. */
const options = {
  apiVersion: 'config.kwok.x-k8s.io/v1alpha1',
  kind: 'KwokConfiguration',
  options: { podPlayStageParallelism: 64, nodePlayStageParallelism: 16 },
};

/** Starts what keeps nodes ready that aren't there, and says of their pods that they run. */
export function startKwok(program: string, kubeconfig: string, folder: string): void {
  const config = join(folder, 'kwok.yaml');
  // JSON is YAML too
  writeFileSync(config, JSON.stringify(options));
  const flags = ['--kubeconfig', kubeconfig, '--config', config, '--manage-all-nodes'];
  startDaemon({ name: 'kwok', command: [program, ...flags], logFile: join(folder, 'kwok.log') });
}

const GIB = 1024 ** 3;
/** Far more than any kubelet takes, so that the scheduler never looks for room. */
const room = { cpu: '1000', memory: `${1000 * GIB}`, pods: '1000' };

/** A node that kwok keeps ready, as JSON. */
export function nodeOf(name: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, annotations: { 'kwok.x-k8s.io/node': 'fake' } },
    status: { allocatable: room, capacity: room },
  });
}
