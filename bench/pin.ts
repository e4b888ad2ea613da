import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { run as runProgram, succeed } from '../e2e/support/command.ts';
import { makeFolder } from '../test/support/folder.ts';
import { image } from '../test/support/registry/image.ts';
import { startRegistry } from '../test/support/registry/registry.ts';
import type { Figure } from './figures.ts';
import { findProgram } from './programs.ts';
import { run } from './run.ts';
import { forEach } from './stage/process.ts';
import { takeTurns, timed } from './turns.ts';

/** How many look-ups at once, of all. */
const CONCURRENCY = 16;

const dist = join(import.meta.dirname, '../dist/tagpin.js');
const floor = join(import.meta.dirname, 'pin-floor.ts');

/** A Deployment as people write them, with two containers. */
const manifest = (name: string, one: string, two: string) => `# One of many.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
  labels: {app.kubernetes.io/name: "${name}"}
spec:
  replicas: 2
  selector:
    matchLabels: {app.kubernetes.io/name: "${name}"}
  template:
    metadata:
      labels: {app.kubernetes.io/name: "${name}"}
    spec:
      containers:
        - name: app
          image: ${one} # the program
          ports:
            - containerPort: 8080
          env:
            - name: LOG_LEVEL
              value: info
          resources:
            requests: {cpu: 100m, memory: 128Mi}
            limits: {memory: 256Mi}
          readinessProbe:
            httpGet: {path: /readyz, port: 8080}
        - name: sidecar
          image: "${two}"
          args: ["--listen", ":9090"]
`;

const counts = { rounds: 5, manifests: 1_000, images: 200 };

async function measure({ rounds, manifests, images: count }: typeof counts): Promise<Figure[]> {
  const crane = findProgram('crane');
  await using registry = await startRegistry();
  using folder = makeFolder();
  const images = Array.from({ length: count }, (_, index) => {
    registry.push(`bench/app${index}`, '1.0', image());
    return `${registry.host}/bench/app${index}:1.0`;
  });
  for (let index = 0; index < manifests; index++) {
    const at = (offset: number) => images[(2 * index + offset) % count] ?? '';
    folder.write(`k8s/app-${index}.yaml`, manifest(`app-${index}`, at(0), at(1)));
  }
  const path = (name: string) => join(folder.path, name);
  const program = (...command: string[]) => succeed(runProgram(command));
  const pin = (...options: string[]) => program(process.execPath, dist, 'pin', ...options, path('k8s'));
  const frozen = ['--lock', path('tagpin.lock'), '--frozen'];
  await pin('--lock', path('tagpin.lock'));
  const contenders = {
    'tagpin pin': timed(() => pin('--concurrency', `${CONCURRENCY}`)),
    'tagpin pin --frozen': timed(() => pin(...frozen)),
    'tagpin pin --frozen --output': timed(
      () => pin(...frozen, '--output', path('out')),
      // Nothing of one round is left for the next.
      async () => rmSync(path('out'), { recursive: true, force: true }),
    ),
    'reading the YAML': timed(() => program(process.execPath, floor, path('k8s'))),
    'crane digest': timed(() => forEach(images, CONCURRENCY, (image) => program(crane, 'digest', image))),
    'crane version': timed(() => forEach(images, CONCURRENCY, () => program(crane, 'version'))),
  };
  const turns = await takeTurns(contenders, rounds);
  return turns.beside('crane digest', 'ms');
}

await run({
  name: 'bench-pin',
  usage: `npm run bench:pin -- [--rounds N] [--manifests N] [--images N]

Manifests (1000) with distinct images (200) pinned by tagpin pin, beside crane digest for each of the images, as many at
once, against the same registry on loopback; and what of both is reading YAML, and starting processes. Medians of N
rounds (5), in which all take turns. crane is CRANE, or the one that npm run e2e builds. Figures go to
.results/bench-pin.json as well.`,
  counts,
  quick: { rounds: 1, manifests: 20, images: 4 },
  parts: { pin: measure },
});
