import { countingReads } from '../../access/cluster.ts';
import { openLogin } from '../../access/credentials.ts';
import { withConcurrency } from '../../access/lookups.ts';
import { obstaclesOf, readNamespace } from '../../access/namespace.ts';
import { remedyFor } from '../../access/remedies.ts';
import type { Preference } from '../../adoption/adoption.ts';
import { type RevisionInUse, readRevisionsInUse } from '../../adoption/read-revisions.ts';
import { loadConfig } from '../../config.ts';
import { CommandFailed, type ExitCode } from '../../console/exit.ts';
import { each, interruptible } from '../../console/interruption.ts';
import type { CommandContext } from '../../console/runtime.ts';
import type { Terminal } from '../../console/terminal.ts';
import { PullSecrets } from '../../credentials/pull-secrets.ts';
import { createRegistryEngine } from '../../engine.ts';
import { createKubernetesApi, type KubernetesApi } from '../../kubernetes/api.ts';
import { KubernetesError } from '../../kubernetes/error.ts';
import { revisionRules } from '../../pin/settings.ts';
import { untilAborted } from '../../singleflight.ts';
import { createAskRegistry } from './ask-registry.ts';
import { exitCodeOf, printAdoption, printAdoptionJson, summarize } from './report.ts';
import { type AdoptContext, type AdoptedRevision, adoptRevision, notYet } from './revision.ts';

export interface AdoptOptions {
  dryRun?: boolean;
  prefer?: Preference;
  output?: string;
  /** Milliseconds for everything. */
  timeout: number;
  /** Revisions that are dealt with at once. */
  concurrency?: number;
  dockerConfig?: string;
  registryConfig?: string;
}

/** An API server has others to serve. */
const CONCURRENCY = 8;

/**
 * `tagpin adopt`: stores with the revisions of a namespace the digests that their pods run now, so that its pods to
 * come run the same, whatever their tags have become.
 *
 * @throws WrongUse, InvalidConfig, CommandFailed, or the reason of `interrupted`
 */
export async function adopt(
  namespace: string,
  options: AdoptOptions,
  { environment, terminal, connect, interrupted }: CommandContext,
): Promise<ExitCode> {
  const config = loadConfig(options.registryConfig);
  const signal = AbortSignal.any([interrupted, AbortSignal.timeout(options.timeout)]);
  // The pods haven't what this person is logged in with.
  const sources = openLogin(options.dockerConfig ?? config.dockerConfig, [], signal);
  const connection = await connect();
  const api = createKubernetesApi(connection);
  const { proxies } = environment;
  const engine = createRegistryEngine(withConcurrency(config), {
    sources,
    proxies,
    observe: () => undefined,
  });
  try {
    const reading = readRevisions(api, namespace, environment.namespace, terminal, signal);
    const found = await untilAborted(reading, interrupted);
    const isDryRun = options.dryRun ?? false;
    const revisions = await adoptAll(found, {
      rules: revisionRules(config.pin),
      prefer: options.prefer,
      isDryRun,
      api,
      ask: createAskRegistry(engine, new PullSecrets(api), signal),
      namespace,
      signal,
      interrupted,
      terminal,
      concurrency: options.concurrency ?? CONCURRENCY,
    });
    const report = { namespace, isDryRun, revisions };
    terminal.out(options.output === 'json' ? printAdoptionJson(report) : printAdoption(report));
    terminal.err(`tagpin: ${summarize(report)}\n`);
    interrupted.throwIfAborted();
    return exitCodeOf(report);
  } finally {
    // They wait for what is being asked, and nobody wants to know any more.
    for (const part of [engine, connection]) part.close().catch(() => undefined);
  }
}

/**
 * The revisions of a namespace that is there; of one where nothing that is stored will count, it warns.
 *
 * @throws CommandFailed
 */
async function readRevisions(
  api: KubernetesApi,
  namespace: string,
  own: string,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<RevisionInUse[]> {
  const metadata = await readNamespace(api, namespace, signal);
  for (const obstacle of obstaclesOf(namespace, metadata, own)) {
    terminal.err(`tagpin: warning: ${obstacle}\n`);
  }
  using progress = terminal.progress({ counted: 'objects read' });
  try {
    return await readRevisionsInUse(countingReads(api, progress), namespace, signal);
  } catch (error) {
    if (!(error instanceof KubernetesError)) throw error;
    throw new CommandFailed(
      `the revisions of namespace ${namespace} can't be read: ${error.message}; ${remedyFor(error)}`,
    );
  }
}

interface Many extends AdoptContext {
  interrupted: AbortSignal;
  terminal: Terminal;
  /** So many at once. */
  concurrency: number;
}

/** In the order given, a few at once; if the process is to end, what is known by then. */
async function adoptAll(revisions: readonly RevisionInUse[], many: Many): Promise<AdoptedRevision[]> {
  const { interrupted, terminal, concurrency } = many;
  const adopted: AdoptedRevision[] = revisions.map(notYet);
  using progress = terminal.progress({ counted: 'revisions looked at', total: revisions.length });
  const adoptOne = async (revision: RevisionInUse, index: number) => {
    const name = `${revision.kind.toLowerCase()}/${revision.name}`;
    progress.begin(name);
    const outcome = await interruptible(adoptRevision(revision, many), interrupted, () => true);
    progress.finish(name);
    if (outcome !== undefined) adopted[index] = outcome;
  };
  await each(revisions, concurrency, adoptOne, interrupted);
  return adopted;
}
