import {
  type Cluster,
  type ClusterAccess,
  clusterInWords,
  countingReads,
  withCluster,
} from '../../access/cluster.ts';
import { obstaclesOf, readNamespace } from '../../access/namespace.ts';
import { remedyFor } from '../../access/remedies.ts';
import type { Preference } from '../../adoption/adoption.ts';
import { type RevisionInUse, readRevisionsInUse } from '../../adoption/read-revisions.ts';
import { CommandFailed, type ExitCode, each, interruptible } from '../../console/exit.ts';
import type { CommandContext } from '../../console/runtime.ts';
import { KubernetesError } from '../../kubernetes/error.ts';
import { revisionRules } from '../../pin/settings.ts';
import { untilAborted } from '../../singleflight.ts';
import { exitCodeOf, printAdoption, printAdoptionJson, summarize } from './report.ts';
import { type AdoptContext, type AdoptedRevision, adoptRevision, notYet } from './revision.ts';

export interface AdoptOptions extends ClusterAccess {
  dryRun?: boolean;
  prefer?: Preference;
  output?: string;
  /** Revisions at a time. */
  concurrency?: number;
}

/** Few, because the API server has other clients. */
const CONCURRENCY = 8;

/**
 * `tagpin adopt`: stores with the revisions of a namespace the digests that their pods run now, so that their new pods
 * run the same, wherever the tags have moved.
 *
 * @throws WrongUse, InvalidConfig, CommandFailed, or the reason of `interrupted`
 */
export async function adopt(
  namespace: string,
  options: AdoptOptions,
  context: CommandContext,
): Promise<ExitCode> {
  return withCluster(options, context, async (cluster) => {
    const { terminal, interrupted } = context;
    const found = await untilAborted(readRevisions(namespace, cluster, context), interrupted);
    terminal.err(`tagpin: ${clusterInWords(cluster.name)}\n`);
    const isDryRun = options.dryRun ?? false;
    const { prefer, concurrency = CONCURRENCY } = options;
    const rules = revisionRules(cluster.config.pin);
    const adoption = { ...cluster, namespace, rules, prefer, isDryRun };
    const revisions = await adoptAll(found, adoption, concurrency, context);
    const report = { namespace, isDryRun, revisions };
    terminal.out(options.output === 'json' ? printAdoptionJson(report) : printAdoption(report));
    terminal.err(`tagpin: ${summarize(report)}\n`);
    interrupted.throwIfAborted();
    return exitCodeOf(report);
  });
}

/**
 * The revisions of an existing namespace. Warns if what is stored there will have no effect.
 *
 * @throws CommandFailed
 */
async function readRevisions(
  namespace: string,
  { api, signal }: Cluster,
  { terminal, environment }: CommandContext,
): Promise<RevisionInUse[]> {
  const metadata = await readNamespace(api, namespace, signal);
  for (const obstacle of obstaclesOf(namespace, metadata, environment.namespace)) {
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

/** In the order given, several at a time. After an interruption, what is known by then. */
async function adoptAll(
  revisions: readonly RevisionInUse[],
  adoption: AdoptContext,
  concurrency: number,
  { terminal, interrupted }: CommandContext,
): Promise<AdoptedRevision[]> {
  const adopted: AdoptedRevision[] = revisions.map(notYet);
  using progress = terminal.progress({ counted: 'revisions looked at', total: revisions.length });
  const adoptOne = async (revision: RevisionInUse, index: number) => {
    const name = `${revision.kind.toLowerCase()}/${revision.name}`;
    progress.begin(name);
    const outcome = await interruptible(adoptRevision(revision, adoption), interrupted, () => true);
    progress.finish(name);
    if (outcome !== undefined) adopted[index] = outcome;
  };
  await each(revisions, concurrency, adoptOne, interrupted);
  return adopted;
}
