import { parseArgs } from 'node:util';
import { runIsolated } from './cluster/isolate.ts';
import { type Figure, isMet, report } from './figures.ts';

/** A script of `package.json` that measures something. */
export interface Bench<Count extends string> {
  /** The figures go to `.results/NAME.json`. */
  readonly name: string;
  /** What `--help` prints. */
  readonly usage: string;
  /** The options, which are whole numbers from 1 up, and their defaults. */
  readonly counts: Readonly<Record<Count, number>>;
  /** The defaults with `--quick`, which only tries whether the bench works. */
  readonly quick?: Partial<Record<Count, number>>;
  /** What is measured, in this order; `--only PART` measures that part alone. */
  readonly parts: Readonly<Record<string, (counts: Readonly<Record<Count, number>>) => Promise<Figure[]>>>;
  /** Runs in namespaces of its own, where a cluster can be started; needs root on Linux. */
  readonly isolated?: boolean;
  /** Exits with 1 unless every target is met. */
  readonly strict?: boolean;
}

/**
 * Runs a bench as the command line says, prints its figures and writes them to a file. Exits with 2 if the command line
 * is wrong, with 3 if something failed.
 */
export async function run<Count extends string>(bench: Bench<Count>): Promise<void> {
  let work: (() => Promise<void>) | undefined;
  try {
    work = parse(bench);
  } catch (error) {
    console.error(`${messageOf(error)}\n\n${bench.usage}`);
    process.exitCode = 2;
  }
  if (work === undefined) return;
  try {
    await (bench.isolated ? runIsolated(work) : work());
  } catch (error) {
    console.error(messageOf(error));
    process.exitCode = 3;
  }
  // A cluster's programs would keep this process from ending.
  if (bench.isolated) process.exit();
}

/** What the command line asks for; undefined if that was help. */
function parse<Count extends string>(bench: Bench<Count>): (() => Promise<void>) | undefined {
  const counts: Record<Count, number> = { ...bench.counts };
  const options = Object.fromEntries(Object.keys(counts).map((name) => [name, { type: 'string' } as const]));
  const { values, tokens } = parseArgs({
    options: {
      ...options,
      only: { type: 'string', multiple: true, default: Object.keys(bench.parts) },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
    tokens: true,
  });
  if (values.help) {
    console.log(bench.usage);
    return undefined;
  }
  const given = new Map(
    tokens.map((token) => (token.kind === 'option' ? [token.name, token.value] : ['', ''])),
  );
  for (const name in counts) {
    counts[name] = Number(
      given.get(name) ?? (values.quick ? bench.quick?.[name] : undefined) ?? counts[name],
    );
    if (!Number.isInteger(counts[name]) || counts[name] < 1) throw new Error(`--${name}: a number from 1 up`);
  }
  const unknown = values.only.filter((name) => !(name in bench.parts));
  if (unknown.length > 0) throw new Error(`--only ${unknown.join(' ')}: there is no such part`);
  return async () => {
    // What was started ends with this process.
    process.once('SIGINT', () => process.exit(130));
    process.once('SIGTERM', () => process.exit(143));
    const figures: Figure[] = [];
    for (const [name, measure] of Object.entries(bench.parts))
      if (values.only.includes(name)) figures.push(...(await measure(counts)));
    report(bench.name, counts, figures);
    if (bench.strict && figures.some((figure) => isMet(figure) === false)) process.exitCode = 1;
  };
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
