import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { push } from '../e2e/support/push.ts';
import { run, succeed } from '../e2e/support/command.ts';
import { startRegistry } from '../e2e/support/registry.ts';
import { parseManifest } from '../src/manifest/document.ts';
import { image } from '../test/support/registry/image.ts';
import { findBinaries } from './binaries.ts';
import { type Contender, median, runRounds } from './rounds.ts';
import { table } from './table.ts';

const usage = `npm run bench:pin -- [--rounds N] [--manifests N] [--images N] [-o json]

Manifests (1000) with distinct images (200) pinned by tagpin pin, beside crane digest for each of the images, as many
at once, against the same registry (distribution v3) on the loopback interface. With KBLD or DIGESTER set to where
those are, they pin the same manifests. Medians of N rounds (5), in which all take turns.`;

/** How many look-ups at once, of all. */
const CONCURRENCY = 16;

const dist = join(import.meta.dirname, '../dist/tagpin.js');

/** A Deployment as people write them, with two containers. */
const manifest = (index: number, one: string, two: string) => `# Number ${index} of many.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app-${index}
  labels: {app.kubernetes.io/name: "app-${index}"}
spec:
  replicas: 2
  selector:
    matchLabels: {app.kubernetes.io/name: "app-${index}"}
  template:
    metadata:
      labels: {app.kubernetes.io/name: "app-${index}"}
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

interface Size {
  rounds: number;
  manifests: number;
  images: number;
}

async function bench({ rounds, manifests, images: count }: Size) {
  const binaries = findBinaries({
    crane: { name: 'crane', variable: 'CRANE', what: "go-containerregistry's command line" },
    registry: { name: 'registry', variable: 'REGISTRY', what: 'distribution v3' },
  });
  const [crane = '', binary = ''] = [binaries.get('crane'), binaries.get('registry')];
  const directory = mkdtempSync(join(tmpdir(), 'tagpin-bench-'));
  try {
    await using registry = await startRegistry({ binary, directory });
    const images: string[] = [];
    for (let index = 0; index < count; index++) {
      await push({ host: registry.address }, `bench/app${index}`, '1.0', image());
      images.push(`${registry.address}/bench/app${index}:1.0`);
    }
    const folder = join(directory, 'k8s');
    mkdirSync(folder);
    for (let index = 0; index < manifests; index++) {
      const at = (offset: number) => images[(2 * index + offset) % count] ?? '';
      writeFileSync(join(folder, `app-${index}.yaml`), manifest(index, at(0), at(1)));
    }
    const contenders = contendersFor({ directory, folder, images, crane });
    const results = await runRounds(contenders, rounds, () => ({ requests: [], connections: 0 }), 1);
    return new Map([...results].map(([name, all]) => [name, median(all.map(({ milliseconds }) => milliseconds))]));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Stage {
  directory: string;
  folder: string;
  images: readonly string[];
  crane: string;
}

const FROM_REGISTRY = 'tagpin pin, 200 look-ups';
const FROZEN = 'tagpin pin --frozen';
const YAML = 'its YAML alone';
const CRANE = 'crane digest, a process each';
const CRANE_ONCE = 'crane version (a start)';

function contendersFor({ directory, folder, images, crane }: Stage): Contender[] {
  const lock = join(directory, 'tagpin.lock');
  const out = join(directory, 'out');
  const pin = (...options: string[]) =>
    succeed(run([process.execPath, dist, 'pin', '--output', out, ...options, folder]));
  const texts = Array.from({ length: 1 }, () => folder);
  return [
    {
      name: FROM_REGISTRY,
      run: async () => void (await pin('--concurrency', String(CONCURRENCY))),
    },
    {
      name: FROZEN,
      prepare: async () => void (await pin('--lock', lock)),
      run: async () => void (await pin('--lock', lock, '--frozen')),
    },
  ];
}
