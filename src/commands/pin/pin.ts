import { setImmediate as immediately } from 'node:timers/promises';
import { withLookups } from '../../access/lookups.ts';
import type { ExitCode } from '../../console/exit.ts';
import type { CommandContext } from '../../console/runtime.ts';
import { noProgress } from '../../console/terminal.ts';
import { isDockerfile } from '../../manifest/dockerfile/images.ts';
import { type Manifest, parseManifest, plainText } from '../../manifest/document.ts';
import type { Lock } from '../../manifest/lock.ts';
import { addResults, functionConfigOf, isResourceList } from '../../manifest/resource-list.ts';
import { splice } from '../../manifest/splice.ts';
import { untilAborted } from '../../singleflight.ts';
import { printGitHub, printSarif } from './annotations.ts';
import { Digests } from './digests.ts';
import {
  checkOptions,
  type PinOptions,
  printsManifests,
  readFunctionConfig,
  reportFormat,
} from './options.ts';
import { checkDestination, joinManifests, makeDestination, writeFiles } from './output.ts';
import { type OpenedFile, openFile, type PinnedFile, pinFile } from './pinned-file.ts';
import * as report from './report.ts';
import { checkUpdate, type Setup, setUp, storeLock } from './setup.ts';
import { findSources, readSource, type Source, Unreadable } from './sources.ts';

/**
 * `tagpin pin`: writes digests into manifests, and changes nothing else. A file is pinned completely or not at all. As a
 * KRM function, it takes its options from the `ResourceList`.
 *
 * @throws WrongUse, InvalidConfig, CommandFailed, or the reason of `interrupted`
 */
export async function pin(
  args: readonly string[],
  given: PinOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const { interrupted } = context;
  checkOptions(given);
  const sources = findSources(args, { withDockerfiles: !printsManifests(given) });
  const [first] = sources;
  const input =
    first?.path === undefined && first !== undefined && sources.length === 1
      ? await untilAborted(readManifest(first, context), interrupted)
      : undefined;
  const list =
    input !== undefined && !(input instanceof Unreadable) && isResourceList(input) ? input : undefined;
  const options = list === undefined ? given : configured(given, list);
  const setup = await setUp(options);
  checkDestination(setup.destination, sources, printsManifests(options));

  const opened = await openAll(sources, input, setup, context);
  checkUpdate(options, opened);
  makeDestination(setup.destination);

  const { files, digests } = await pinAll(opened, setup, context);
  storeLock(setup, digests.all);
  let delivered: readonly PinnedFile[] = files;
  if (list === undefined) {
    delivered = await deliver(files, setup, context);
    for (const line of delivered.flatMap(report.problemsOf)) context.terminal.err(`${line}\n`);
    for (const line of report.passedByIn(delivered)) context.terminal.err(`tagpin: ${line}\n`);
  } else {
    answer(files, list, context);
  }
  if (options.update !== undefined) tellChanges(setup, digests.all, context);
  if (interrupted.aborted) {
    context.terminal.err(`tagpin: ${report.describeInterruption(delivered, sources.length)}\n`);
    throw interrupted.reason;
  }
  return report.exitCodeOf(delivered);
}

/** @param input the manifest from standard input, if it was read already */
async function openAll(
  sources: readonly Source[],
  input: Manifest | Unreadable | undefined,
  setup: Setup,
  context: CommandContext,
): Promise<OpenedFile[]> {
  const { terminal, interrupted } = context;
  using progress = terminal.progress({ counted: 'files read', total: sources.length });
  const opened: OpenedFile[] = [];
  for (const source of sources) {
    // Lets a signal be handled.
    await immediately();
    if (interrupted.aborted) break;
    progress.begin(source.name);
    const manifest = input ?? (await untilAborted(readManifest(source, context), interrupted));
    opened.push(reading(manifest.text, context, () => open(source, manifest, setup)));
    progress.finish(source.name);
  }
  return opened;
}

function configured(given: PinOptions, list: Manifest): PinOptions {
  const config = readFunctionConfig(functionConfigOf(list));
  const options = { ...given, ...config, timeout: config.timeout ?? given.timeout };
  checkOptions(options);
  return options;
}

/** The length from which reading a text takes so long that a signal can't wait. */
const LONG = 2 ** 20;

/** Nothing is written yet, so that an interruption may end the process in the middle. */
function reading<T>(text: string, { whileBusy }: CommandContext, work: () => T): T {
  return text.length < LONG || whileBusy === undefined ? work() : whileBusy(work);
}

/** A source's manifest, or why it can't be read. */
async function readManifest(source: Source, context: CommandContext): Promise<Manifest | Unreadable> {
  try {
    const text = await readSource(source);
    return isDockerfile(source.name) ? plainText(text) : reading(text, context, () => parseManifest(text));
  } catch (error) {
    if (error instanceof Unreadable) return error;
    throw error;
  }
}

function open(source: Source, manifest: Manifest | Unreadable, { find, intent }: Setup): OpenedFile {
  if (!(manifest instanceof Unreadable)) return openFile(source, manifest, find, intent);
  const mistakes = [{ message: manifest.message }];
  return { source, text: '', documents: 0, images: [], plans: [], mistakes, warnings: [], passedBy: [] };
}

/** Pins all files at the same time. Registries are asked only for images that the lock lacks, and never with `--frozen`. */
async function pinAll(opened: readonly OpenedFile[], setup: Setup, context: CommandContext) {
  const { options, config, intent, style } = setup;
  const { terminal, interrupted } = context;
  const parts = { ...intent, interrupted, lookUp: undefined, progress: noProgress };
  const run = async (digests: Digests) => ({
    files: await Promise.all(opened.map((file) => pinFile(file, digests, style))),
    digests,
  });
  const wanted = new Set(
    opened
      .flatMap(({ plans }) => plans)
      .flatMap((plan) => (plan.action === 'pin' ? [plan.written] : []))
      .filter((image) => intent.isUpdated(image) || !intent.lock.has(image)),
  );
  if (wanted.size === 0 || options.frozen) return run(new Digests(parts));
  const signal = AbortSignal.any([interrupted, AbortSignal.timeout(options.timeout)]);
  return withLookups(config, options, context, { inspect: false, signal }, async (lookUp) => {
    using progress = terminal.progress({ counted: 'images resolved', total: wanted.size });
    return await run(new Digests({ ...parts, lookUp, progress }));
  });
}

/** Says what `--update` has changed. */
function tellChanges({ intent }: Setup, lock: Lock, { terminal }: CommandContext): void {
  const changes = report.changesOf(intent.lock, lock);
  for (const line of changes) terminal.err(`tagpin: ${line}\n`);
  if (changes.length === 0) terminal.err('tagpin: no digest in the lock has changed\n');
}

const printers = { json: report.printReport, github: printGitHub, sarif: printSarif };

/** Writes or prints the result, and returns the files with any mistakes from writing. */
async function deliver(
  files: readonly PinnedFile[],
  { options, destination, intent }: Setup,
  { terminal, interrupted }: CommandContext,
): Promise<readonly PinnedFile[]> {
  let delivered = files;
  if (destination.to !== 'standard output') {
    const result = await writeFiles(files, destination, interrupted);
    delivered = result.files;
    terminal.err(`tagpin: ${report.summarize(delivered, result.written)}\n`);
  }
  const format = reportFormat(options);
  if (format !== undefined) terminal.out(printers[format](delivered));
  else if (intent.mode === 'check') {
    terminal.out(
      delivered
        .flatMap(report.findingsOf)
        .map((line) => `${line}\n`)
        .join(''),
    );
  } else if (destination.to === 'standard output') {
    terminal.out(joinManifests(delivered.flatMap(({ after }) => (after === undefined ? [] : [after]))));
  }
  return delivered;
}

/** Prints a function's output: the resources, with results. */
function answer([file]: readonly PinnedFile[], list: Manifest, { terminal }: CommandContext): void {
  if (file === undefined) return;
  const results = report.resultsOf(file, list);
  const manifest = file.after === undefined ? list : parseManifest(file.after);
  terminal.out(splice(manifest.text, addResults(manifest, results)));
  terminal.err(report.printErrors(results));
}
