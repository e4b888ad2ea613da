import { clusterInWords, countingReads } from '../../access/cluster.ts';
import { openLogin } from '../../access/credentials.ts';
import { openEngine } from '../../access/lookups.ts';
import { readNamespace } from '../../access/namespace.ts';
import { remedyFor } from '../../access/remedies.ts';
import { type Config, loadConfig } from '../../config.ts';
import { CommandFailed, type ExitCode, WrongUse } from '../../console/exit.ts';
import type { CommandContext } from '../../console/runtime.ts';
import type { DigestInUse } from '../../fleet/digests-in-use.ts';
import { readDigestsInUse, UnreadableCluster } from '../../fleet/read-digests-in-use.ts';
import type { Holder } from '../../hold/manifest.ts';
import { parseReference, repository } from '../../image/reference.ts';
import { createKubernetesApi, type KubernetesApi } from '../../kubernetes/api.ts';
import type { Connection } from '../../kubernetes/connection.ts';
import { isSkipped } from '../../pin/skip-patterns.ts';
import { printable } from '../../printable.ts';
import { untilAborted } from '../../singleflight.ts';
import { isOfAcr, printers, printInUse } from './formats.ts';
import type { KeepOptions } from './options.ts';
import { type KeptRepository, keepAll, type Upkeep } from './registries.ts';
import { exitCodeOf, type KeepReport, printKeepJson, printKept, printTouched, summarize } from './report.ts';

/** Repositories at a time. How many requests a registry gets at once is the configuration's. */
const CONCURRENCY = 8;
/** Exists in every cluster, and its uid is no other cluster's. */
const EVERYWHERE = 'kube-system';

/**
 * `tagpin keep`: what must not be deleted from registries, for those who delete; and, if asked, what keeps it there. Without
 * all of the cluster, nothing is printed and nothing written, because what isn't listed may be deleted.
 *
 * @throws WrongUse, InvalidConfig, CommandFailed, or the reason of `interrupted`
 */
export async function keep(options: KeepOptions, context: CommandContext): Promise<ExitCode> {
  const { terminal, interrupted, connect } = context;
  checkUse(options);
  const released = (options.release ?? []).map(repositoryOf);
  const config = loadConfig(options.registryConfig);
  const signal = AbortSignal.any([interrupted, AbortSignal.timeout(options.timeout)]);
  const connection = await connect();
  try {
    const api = createKubernetesApi(connection);
    const reading = readCluster(api, options, context, signal);
    const { digests, holder } = await untilAborted(reading, interrupted);
    const wanted = digests.filter(({ repository: name }) => isChosen(name, options.registry));
    const repositories =
      options.hold || options.touch
        ? await keepThere({ wanted, released, holder, config, connection, signal }, options, context)
        : undefined;
    const report: KeepReport = {
      cluster: { name: connection.cluster, server: connection.server },
      namespaces: options.namespace,
      digests: wanted,
      repositories,
      isDryRun: options.dryRun ?? false,
    };
    terminal.out(printed(report, options));
    for (const { repository: name, problems } of repositories ?? []) {
      for (const problem of problems) terminal.err(`tagpin: ${name}: ${printable(problem)}\n`);
    }
    terminal.err(`tagpin: ${summarize(report)}${leftOut(report, options)}\n`);
    interrupted.throwIfAborted();
    return exitCodeOf(report);
  } finally {
    connection.close().catch(() => undefined);
  }
}

const onlyWithHold = [
  ['cluster', '--cluster'],
  ['tagEach', '--tag-each'],
  ['release', '--release'],
  ['dryRun', '--dry-run'],
] as const satisfies [keyof KeepOptions, string][];

/** @throws WrongUse */
function checkUse(all: KeepOptions): void {
  const { namespace, allNamespaces, output, hold, touch, cluster, release } = all;
  if (namespace !== undefined && allNamespaces) {
    throw new WrongUse('-A is for all namespaces, and -n for those it names: leave one out');
  }
  if (hold && cluster === undefined) {
    throw new WrongUse(
      '--hold needs --cluster NAME, which no other cluster has that pushes to these registries',
    );
  }
  const alone = onlyWithHold.filter(([name]) => !hold && all[name] !== undefined).map(([, flag]) => flag);
  if (alone.length > 0)
    throw new WrongUse(`${alone.join(' and ')} without --hold has no meaning: add that, or leave it out`);
  if ((hold || touch) && output !== undefined && output !== 'json') {
    throw new WrongUse(`-o ${output} is for a list alone: leave out --hold and --touch, or take -o json`);
  }
  if (namespace !== undefined && release !== undefined) {
    throw new WrongUse('--release needs all namespaces: of some alone, it is unknown what the others use');
  }
}

/** @throws WrongUse */
function repositoryOf(text: string): string {
  try {
    const reference = parseReference(text);
    if (reference.tag === undefined && reference.digest === undefined) return repository(reference);
  } catch (cause) {
    throw new WrongUse(`--release: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
  throw new WrongUse(`--release takes a repository, without tag or digest: ${text}`);
}

function isChosen(name: string, patterns: readonly string[] | undefined): boolean {
  return patterns === undefined || isSkipped(parseReference(name), patterns);
}

interface ReadCluster {
  digests: DigestInUse[];
  /** Undefined if nothing is to be held. */
  holder: Holder | undefined;
}

/** @throws CommandFailed */
async function readCluster(
  api: KubernetesApi,
  { namespace: namespaces, history = false, hold, cluster, timeout }: KeepOptions,
  { terminal, interrupted }: CommandContext,
  signal: AbortSignal,
): Promise<ReadCluster> {
  for (const name of namespaces ?? []) await readNamespace(api, name, signal);
  const uid = hold ? await readUid(api, namespaces, signal) : undefined;
  using progress = terminal.progress({ counted: 'objects read' });
  try {
    const reading = { api: countingReads(api, progress), namespaces, history, signal };
    const digests = await readDigestsInUse(reading);
    return { digests, holder: cluster === undefined ? undefined : { cluster, uid } };
  } catch (error) {
    if (error === signal.reason && !interrupted.aborted) {
      throw new CommandFailed(`not all of the cluster was read within ${timeout / 1000} s (--timeout)`);
    }
    if (!(error instanceof UnreadableCluster)) throw error;
    throw new CommandFailed(`${error.message}; ${remedyFor(error.cause)}`);
  }
}

/** What tells the cluster from another of that name. Only for some namespaces, nothing is released, and it may be unknown. */
async function readUid(
  api: KubernetesApi,
  namespaces: readonly string[] | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  const metadata = await readNamespace(api, EVERYWHERE, signal);
  if (metadata?.uid !== undefined || namespaces !== undefined) return metadata?.uid;
  throw new CommandFailed(
    `namespace ${EVERYWHERE} can't be read, whose uid tells this cluster from others; ask for the permission to get it`,
  );
}

interface Keeping {
  wanted: readonly DigestInUse[];
  released: readonly string[];
  holder: Holder | undefined;
  config: Config;
  connection: Connection;
  signal: AbortSignal;
}

async function keepThere(
  { wanted, released, holder, config, connection, signal }: Keeping,
  options: KeepOptions,
  { environment, terminal, interrupted }: CommandContext,
): Promise<KeptRepository[]> {
  const named = holder === undefined ? '' : `, held as "${holder.cluster}"`;
  const { cluster: name, server } = connection;
  terminal.err(`tagpin: ${clusterInWords({ name, server })}${named}\n`);
  const sources = openLogin(options.dockerConfig, environment.dockerConfigs, signal);
  const engine = openEngine(config, { sources, proxies: environment.proxies, concurrency: undefined });
  const { dryRun = false, touch = false, tagEach = false, namespace, concurrency = CONCURRENCY } = options;
  const upkeep: Upkeep = {
    hold: holder && { holder, tagEach, mayRelease: namespace === undefined },
    touch,
    isDryRun: dryRun,
    concurrency,
  };
  const digests = Map.groupBy(wanted, ({ repository: name }) => name);
  for (const name of released) if (!digests.has(name)) digests.set(name, []);
  using progress = terminal.progress({ counted: 'repositories done', total: digests.size });
  try {
    const { origin, limiters, credentials } = engine;
    return await keepAll(digests, upkeep, { origin, limiters, credentials, signal }, progress);
  } finally {
    // Closing waits for requests in flight, whose answers nobody needs any more.
    if (interrupted.aborted) engine.close().catch(() => undefined);
    else await engine.close();
  }
}

function printed(report: KeepReport, { output, hold }: KeepOptions): string {
  const { digests, repositories, isDryRun } = report;
  if (output === 'json') return printKeepJson(report);
  if (output !== undefined) return printers[output](digests);
  if (repositories === undefined) return printInUse(digests);
  return hold ? printKept(repositories, isDryRun) : printTouched(repositories);
}

function leftOut({ digests }: KeepReport, { output }: KeepOptions): string {
  const others = output === 'acr' ? digests.filter((digest) => !isOfAcr(digest)).length : 0;
  return others === 0 ? '' : `; ${others} of other registries than Azure's left out`;
}
