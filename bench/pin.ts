import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { run as runProgram, succeed } from '../e2e/support/command.ts';
import { makeFolder } from '../test/support/folder.ts';
import { image } from '../test/support/registry/image.ts';
import { startRegistry } from '../test/support/registry/registry.ts';
import type { Figure } from './figures.ts';
import { findProgram } from './programs.ts';
import { run } from './run.ts';
import { forEach } from './stage/process.ts';
import { deploymentOf } from './stage/reviews.ts';
import { takeTurns, timed } from './turns.ts';

/** How many look-ups at once, of all. */
const CONCURRENCY = 16;

const dist = join(import.meta.dirname, '../dist/tagpin.js');
const floor = join(import.meta.dirname, 'pin-floor.ts');

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
    const two = [images[(2 * index) % count] ?? '', images[(2 * index + 1) % count] ?? ''];
    const deployment = deploymentOf(`app-${index}`, { images: two, variables: 1 });
    folder.write(`k8s/app-${index}.yaml`, stringify(deployment));
  }
  const at = (name: string) => join(folder.path, name);
  const program = (...command: string[]) => succeed(runProgram(command));
  const pin = (...options: string[]) => program(process.execPath, dist, 'pin', ...options, at('k8s'));
  const frozen = ['--lock', at('tagpin.lock'), '--frozen'];
  await pin('--lock', at('tagpin.lock'));
  const contenders = {
    'tagpin pin': timed(() => pin('--concurrency', `${CONCURRENCY}`)),
    'tagpin pin --frozen': timed(() => pin(...frozen)),
    'tagpin pin --frozen --output': timed(
      () => pin(...frozen, '--output', at('out')),
      // Nothing of one round is left for the next.
      async () => rmSync(at('out'), { recursive: true, force: true }),
    ),
    'reading the YAML': timed(() => program(process.execPath, floor, at('k8s'))),
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
