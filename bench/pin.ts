import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { run, succeed } from '../e2e/support/command.ts';
import { push } from '../e2e/support/push.ts';
import { startRegistry } from '../e2e/support/registry.ts';
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
const floor = join(import.meta.dirname, 'pin-floor.ts');

const names = {
  pin: 'tagpin pin',
  frozen: 'tagpin pin --frozen',
  written: 'the same, --output to as many files',
  yaml: 'reading the YAML (floor of --frozen)',
  crane: 'crane digest, a process for each image',
  start: 'crane version, as often (no request)',
};

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
    return new Map(
      [...results].map(([name, all]) => [name, median(all.map(({ milliseconds }) => milliseconds))]),
    );
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

function contendersFor({ directory, folder, images, crane }: Stage): Contender[] {
  const lock = join(directory, 'tagpin.lock');
  const out = join(directory, 'out');
  const pin = (...options: string[]) => succeed(run([process.execPath, dist, 'pin', ...options, folder]));
  const frozen = ['--lock', lock, '--frozen'];
  const { KBLD, DIGESTER } = process.env;
  return [
    { name: names.pin, run: async () => void (await pin('--concurrency', `${CONCURRENCY}`)) },
    {
      name: names.frozen,
      prepare: async () => void (await pin('--lock', lock)),
      run: async () => void (await pin(...frozen)),
    },
    {
      name: names.written,
      // Nothing of one round is left for the next.
      prepare: async () => rmSync(out, { recursive: true, force: true }),
      run: async () => void (await pin(...frozen, '--output', out)),
    },
    { name: names.yaml, run: async () => void (await succeed(run([process.execPath, floor, folder]))) },
    { name: names.crane, run: () => eachOf(images, (image) => succeed(run([crane, 'digest', image]))) },
    { name: names.start, run: () => eachOf(images, () => succeed(run([crane, 'version']))) },
    ...(KBLD ? [{ name: 'kbld', run: async () => void (await succeed(run([KBLD, '-f', folder]))) }] : []),
    ...(DIGESTER ? [{ name: 'digester', run: () => digest(DIGESTER, folder) }] : []),
  ];
}

/** Runs something for each, so many at once. */
async function eachOf(images: readonly string[], work: (image: string) => Promise<unknown>): Promise<void> {
  const rest = images.values();
  const take = async () => {
    for (const image of rest) await work(image);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, take));
}

/** It is a KRM function: all manifests in one list. */
async function digest(digester: string, folder: string): Promise<void> {
  const items = readdirSync(folder).map((name) => parse(readFileSync(join(folder, name), 'utf8')));
  const input = JSON.stringify({ apiVersion: 'config.kubernetes.io/v1', kind: 'ResourceList', items });
  await succeed(run([digester], { input }));
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    manifests: { type: 'string', default: '1000' },
    images: { type: 'string', default: '200' },
    output: { type: 'string', short: 'o', default: 'table' },
    help: { type: 'boolean', default: false },
  },
});
const size = {
  rounds: Number(values.rounds),
  manifests: Number(values.manifests),
  images: Number(values.images),
};
const isValid = Object.values(size).every((number) => Number.isInteger(number) && number > 0);
if (values.help) {
  console.log(usage);
} else if (!isValid || !['table', 'json'].includes(values.output)) {
  console.error(usage);
  process.exitCode = 2;
} else {
  try {
    const medians = await bench(size);
    const of = (name: string) => medians.get(name) ?? Number.NaN;
    const figures = {
      ...size,
      milliseconds: Object.fromEntries([...medians].map(([name, value]) => [name, Math.round(value)])),
      perImage: {
        tagpin: of(names.pin) / size.images,
        crane: of(names.crane) / size.images,
        'tagpin, its look-ups alone': (of(names.pin) - of(names.frozen)) / size.images,
        'crane, its look-ups alone': (of(names.crane) - of(names.start)) / size.images,
      },
      yamlShareOfFrozen: of(names.yaml) / of(names.frozen),
    };
    if (values.output === 'json') console.log(JSON.stringify(figures, null, 2));
    else {
      const rows = [...medians].map(([name, value]) => [name, value.toFixed(0)]);
      console.log(table(['', 'ms'], rows, ['ms']));
      for (const [name, value] of Object.entries(figures.perImage)) {
        console.log(`${name}: ${value.toFixed(2)} ms an image`);
      }
      console.log(`YAML is ${Math.round(100 * figures.yamlShareOfFrozen)} % of a frozen run`);
    }
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 3;
  }
}
