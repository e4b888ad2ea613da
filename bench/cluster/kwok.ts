import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startDaemon } from '../../e2e/support/daemon.ts';

/** Starts what keeps nodes ready that aren't there, and says of their pods that they run. */
export function startKwok(program: string, kubeconfig: string, directory: string): void {
  const config = join(directory, 'kwok.yaml');
  // JSON is YAML too
  writeFileSync(config, [options, ...stages].map((stage) => JSON.stringify(stage)).join('\n---\n'));
  const flags = ['--kubeconfig', kubeconfig, '--config', config, '--manage-all-nodes'];
  startDaemon({ name: 'kwok', command: [program, ...flags], logFile: join(directory, 'kwok.log') });
}

interface Condition {
  readonly key: string;
  readonly operator: 'Exists' | 'DoesNotExist' | 'In' | 'NotIn';
  readonly values?: readonly string[];
}

const stage = (kind: 'Node' | 'Pod', name: string, when: readonly Condition[], next: object) => ({
  apiVersion: 'kwok.x-k8s.io/v1alpha1',
  kind: 'Stage',
  metadata: { name },
  spec: { resourceRef: { apiGroup: 'v1', kind }, selector: { matchExpressions: when }, next },
});

const ready = '.status.conditions.[] | select( .type == "Ready" ) | .status';
const notReady: Condition = { key: ready, operator: 'NotIn', values: ['True'] };
const deleted = (operator: 'Exists' | 'DoesNotExist'): Condition => ({
  key: '.metadata.deletionTimestamp',
  operator,
});

/** Far more than by default, for pods that all start at once. */
const options = {
  apiVersion: 'config.kwok.x-k8s.io/v1alpha1',
  kind: 'KwokConfiguration',
  options: { podPlayStageParallelism: 64, nodePlayStageParallelism: 16 },
};

const stages = [
  stage('Node', 'node-ready', [notReady], {
    statusTemplate: `conditions:
{{ range NodeConditions }}
- type: {{ .type | Quote }}
  status: {{ .status | Quote }}
  reason: {{ .reason | Quote }}
  message: {{ .message | Quote }}
  lastHeartbeatTime: {{ Now | Quote }}
  lastTransitionTime: {{ Now | Quote }}
{{ end }}
phase: Running
`,
  }),
  stage('Pod', 'pod-runs', [deleted('DoesNotExist'), notReady], {
    statusTemplate: `phase: Running
startTime: {{ Now | Quote }}
conditions:
{{ range $type := list "Initialized" "Ready" "ContainersReady" }}
- type: {{ $type | Quote }}
  status: "True"
  lastTransitionTime: {{ Now | Quote }}
{{ end }}
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  ready: true
  restartCount: 0
  state:
    running:
      startedAt: {{ Now | Quote }}
{{ end }}
`,
  }),
  stage('Pod', 'pod-gone', [deleted('Exists')], { delete: true }),
];
