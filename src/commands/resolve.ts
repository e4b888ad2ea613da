import { type AskerOptions, type FoundImage, type Lookup, withLookups } from '../access/lookups.ts';
import { loadConfig } from '../config.ts';
import { type ExitCode, exitCode, interruptible, WrongUse } from '../console/exit.ts';
import type { CommandContext } from '../console/runtime.ts';
import type { Progress, Terminal } from '../console/terminal.ts';
import { InvalidReference, parseReference, pullReference, type Reference } from '../image/reference.ts';
import { printJson } from '../json.ts';
import { sentence } from '../resolve/failure.ts';

export interface ResolveCommandOptions extends AskerOptions {
  output?: string;
  /** The platform whose manifest is meant: `linux/arm64`, or with its variant. */
  platform?: string;
  /** Milliseconds for everything. */
  timeout: number;
  registryConfig?: string;
}

/** An image as written, and its reference. */
interface Wanted {
  image: string;
  reference: Reference;
}

/**
 * `tagpin resolve`: prints the digest of each image, as `crane digest` does. All images are looked up at the same time,
 * and printed in the order given.
 *
 * @throws WrongUse, InvalidConfig, CommandFailed, or the reason of `interrupted`
 */
export async function resolve(
  images: readonly string[],
  options: ResolveCommandOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const wanted = parseAll(images);
  const config = loadConfig(options.registryConfig);
  const { terminal, interrupted } = context;
  const signal = AbortSignal.any([interrupted, AbortSignal.timeout(options.timeout)]);
  const inspect = options.output === 'json';
  const lookups = { inspect, signal, platform: options.platform };
  return withLookups(config, options, context, lookups, async (lookUp) => {
    using progress = terminal.progress({ counted: 'images resolved', total: wanted.length });
    const looked = startAll(wanted, lookUp, progress, interrupted);
    const print = inspect ? printEntries : printDigests;
    const { code, unknown } = await print(looked, terminal);
    if (!interrupted.aborted) return code;
    const missing = `${unknown} of ${wanted.length} images not resolved yet`;
    if (unknown > 0) terminal.err(`tagpin: ${missing}\n`);
    throw interrupted.reason;
  });
}

/** @throws WrongUse with all invalid references */
function parseAll(images: readonly string[]): Wanted[] {
  const mistakes: string[] = [];
  const wanted = images.flatMap((image): Wanted[] => {
    try {
      return [{ image, reference: parseReference(image) }];
    } catch (error) {
      if (!(error instanceof InvalidReference)) throw error;
      mistakes.push(error.message);
      return [];
    }
  });
  if (mistakes.length > 0) throw new WrongUse(mistakes.join('\n'));
  return wanted;
}

interface Looked extends Wanted {
  /** Undefined if the process ends before it is known. */
  lookup: Promise<Lookup | undefined>;
}

/** Starts all lookups. Two spellings of one image are looked up once. */
function startAll(
  wanted: readonly Wanted[],
  lookUp: (reference: Reference) => Promise<Lookup>,
  progress: Progress,
  interrupted: AbortSignal,
): Looked[] {
  const started = new Map<string, Promise<Lookup | undefined>>();
  return wanted.map(({ image, reference }) => {
    const key = pullReference(reference);
    progress.begin(image);
    const running = started.get(key) ?? interruptible(lookUp(reference), interrupted, hasFailed);
    started.set(key, running);
    return { image, reference, lookup: running.finally(() => progress.finish(image)) };
  });
}

const hasFailed = ({ failure }: Lookup) => failure !== undefined;

interface Printed {
  code: ExitCode;
  /** The number of images without a result. */
  unknown: number;
}

/**
 * Prints one digest per line, each as soon as those before it are known. A line stays empty if its image has none, so
 * that lines and images go together.
 */
async function printDigests(looked: readonly Looked[], terminal: Terminal): Promise<Printed> {
  const printed: Printed = { code: exitCode.done, unknown: 0 };
  for (const { image, lookup } of looked) {
    const found = await lookup;
    if (found === undefined) {
      printed.unknown += 1;
    } else if (found.failure === undefined) {
      terminal.out(`${found.digest}\n`);
    } else {
      if (looked.length > 1) terminal.out('\n');
      terminal.err(`${image}: ${sentence(found.failure)}\n`);
      printed.code = exitCode.failed;
    }
  }
  return printed;
}

async function printEntries(looked: readonly Looked[], terminal: Terminal): Promise<Printed> {
  const printed: Printed = { code: exitCode.done, unknown: 0 };
  const entries: unknown[] = [];
  for (const { image, reference, lookup } of looked) {
    const found = await lookup;
    if (found === undefined) {
      entries.push({ image, error: { reason: 'interrupted', message: 'it was not known yet' } });
      printed.unknown += 1;
    } else if (found.failure === undefined) {
      entries.push({ image, ...describe(reference, found) });
    } else {
      const message = sentence(found.failure);
      terminal.err(`${image}: ${message}\n`);
      entries.push({ image, error: { reason: found.failure.label, message } });
      printed.code = exitCode.failed;
    }
  }
  terminal.out(printJson(entries));
  return printed;
}

function describe(
  reference: Reference,
  { digest, credential, requests, milliseconds, inspection }: FoundImage,
) {
  return {
    /** The normalized reference by digest, as a container runtime pulls it. */
    reference: pullReference({ ...reference, digest }),
    digest,
    ...inspection,
    credential: credential?.source ?? 'anonymous',
    requests,
    milliseconds,
  };
}
