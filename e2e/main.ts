import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { imagePlatforms as releasedPlatforms } from '../release/bases.ts';
import { nodePackageOf } from '../release/node.ts';
import { isolated, noteControlGroups, runSession, withOwnMounts } from './cluster/isolation.ts';
import { buildDockerImage, deleteKindCluster } from './cluster/kind.ts';
import { buildImage } from './image/build.ts';
import { prepareBinaries, preparePrograms } from './machine/binaries.ts';
import { obstacles } from './machine/obstacles.ts';
import { cacheNode, installPackage } from './machine/package.ts';
import { installPackages, missingPackages } from './machine/packages.ts';
import { closingLine, readReport } from './report.ts';
import type { Settings } from './settings.ts';
import { step } from './support/step.ts';
import { listTests, reportFile } from './tests.ts';

const usage = `npm run e2e -- [--kind] [--keep] [--build-base IMAGE] [--base IMAGE] [VITEST ARGUMENT…]

Starts a cluster, installs tagpin into it, runs e2e/tests against it, and removes everything again.
  --kind         in kind, with Docker, instead of on this machine
  --keep         leaves the cluster up after the tests, until Ctrl-C
  --build-base   the image to build in; else one is made from this machine's Node.js and npm
  --base         the image to build on; else one is made from this machine's Node.js`;

type Options = ReturnType<typeof readOptions>;

function readOptions() {
  const { values, positionals } = parseArgs({
    options: {
      kind: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      'build-base': { type: 'string' },
      base: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  });
  return { ...values, vitest: positionals };
}

/** Does everything that needs the machine's network. */
async function prepare(options: Options, directory: string, signal: AbortSignal): Promise<Settings> {
  const { keep, vitest } = options;
  const packaged = await step('npm package installed', () =>
    installPackage(join(directory, 'package'), signal),
  );
  if (options.kind) {
    const programs = await preparePrograms(signal);
    await step('image built', () => buildDockerImage(signal));
    return { directory, keep, vitest, packaged, cluster: { where: 'kind', programs } };
  }
  const packages = missingPackages();
  if (packages.length > 0)
    await step(`installed ${packages.join(' ')}`, () => installPackages(packages, signal));
  const binaries = await prepareBinaries(signal);
  await cacheNode(releasedPlatforms.map(nodePackageOf), signal);
  const image = await step('image built', () =>
    buildImage({
      directory: join(directory, 'image'),
      buildBase: options['build-base'],
      base: options.base,
      signal,
    }),
  );
  return { directory, keep, vitest, packaged, cluster: { where: 'here', binaries, image } };
}

/** Runs e2e/session.ts in new namespaces, until it ends or is aborted. None of its processes is left then. */
async function runTests(settings: Settings, signal: AbortSignal): Promise<number> {
  const file = join(settings.directory, 'settings.json');
  writeFileSync(file, JSON.stringify(settings));
  const session = [process.execPath, join(import.meta.dirname, 'session.ts'), file];
  const command = settings.cluster.where === 'kind' ? withOwnMounts(session) : isolated(session);
  return await runSession(command, signal);
}

/** Reports the tests that the arguments select as skipped, which is a failure if nothing may be skipped. */
async function skip(reasons: readonly string[], args: readonly string[]): Promise<number> {
  const tests = await listTests(args);
  for (const test of tests) console.log(`skipped: ${test}`);
  console.log(`\nThe tests can't run here: ${reasons.join('; ')}.`);
  const skippedIsFailed = Boolean(process.env['CI']);
  if (skippedIsFailed) console.log('With CI set, none may be skipped.');
  console.log(
    closingLine({
      passed: 0,
      failed: skippedIsFailed ? tests.length : 0,
      skipped: skippedIsFailed ? 0 : tests.length,
    }),
  );
  return skippedIsFailed ? 1 : 0;
}

async function main(options: Options): Promise<number> {
  rmSync(reportFile, { force: true });
  const reasons = await obstacles(options);
  if (reasons.length > 0) return await skip(reasons, options.vitest);
  const interruption = new AbortController();
  const { signal } = interruption;
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(name, () => interruption.abort(new Error(`interrupted by ${name}`)));
  const removeControlGroups = noteControlGroups();
  const directory = mkdtempSync(join(tmpdir(), 'tagpin-e2e-'));
  try {
    const settings = await prepare(options, directory, signal);
    const code = await runTests(settings, signal);
    signal.throwIfAborted();
    const counts = existsSync(reportFile)
      ? readReport(reportFile)
      : { passed: 0, failed: (await listTests(options.vitest)).length, skipped: 0 };
    console.log(closingLine(counts));
    return code;
  } catch (error) {
    if (signal.aborted) console.error('interrupted; removing what was started');
    else throw error;
    return 130;
  } finally {
    if (options.kind) await deleteKindCluster();
    removeControlGroups();
    rmSync(directory, { recursive: true, force: true });
  }
}

try {
  const options = readOptions();
  if (options.help) console.log(usage);
  else process.exitCode = await main(options);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
