import { loadConfig } from '../config.ts';
import { PullSecrets } from '../credentials/pull-secrets.ts';
import { createRegistryEngine } from '../engine.ts';
import { untilAborted } from '../flight.ts';
import { createKubernetesApi, type KubernetesApi } from '../kubernetes/api.ts';
import { KubernetesError } from '../kubernetes/error.ts';
import { resources } from '../kubernetes/resources.ts';
import type { Preference } from '../revision/adoption.ts';
import { type RevisionInUse, readRevisionsInUse } from '../revision/in-use.ts';
import { pinSettings, revisionRules } from '../webhook/pinning.ts';
import { type AdoptedRevision, adoptRevision, type Means } from './adopt-revision.ts';
import { exitCodeOf, printAdoption, printAdoptionJson, summarize } from './adoption-report.ts';
import { remedyFor } from './api-server.ts';
import { createAskRegistry } from './ask-registry.ts';
import { openLogin } from './login.ts';
import { mustBeNamespace } from './namespace-name.ts';
import { CommandFailed, type ExitCode } from './outcome.ts';
import type { Surroundings } from './surroundings.ts';

export interface AdoptOptions {
  dryRun?: boolean;
  prefer?: Preference;
  output?: string;
  /** Milliseconds for everything. */
  timeout: number;
  dockerConfig?: string;
  registryConfig?: string;
}

/** So many revisions are dealt with at once: an API server has others to serve. */
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
  { environment, terminal, connect, interrupted }: Surroundings,
): Promise<ExitCode> {
  mustBeNamespace(namespace);
  const config = loadConfig(options.registryConfig);
  const signal = AbortSignal.any([interrupted, AbortSignal.timeout(options.timeout)]);
  // The pods haven't what this person is logged in with.
  const sources = openLogin(options.dockerConfig ?? config.dockerConfig, [], signal);
  const connection = await connect();
  const api = createKubernetesApi(connection);
  // Limits spare the registry, but nobody who waits for an answer wants to be sent away instead.
  const limits = { ...config.limits, queue: Number.MAX_SAFE_INTEGER };
  const { proxies } = environment;
  const engine = createRegistryEngine({ ...config, limits }, { sources, proxies, observe: () => undefined });
  try {
    const isDryRun = options.dryRun ?? false;
    const adopted = adoptAll(await untilAborted(readRevisions(api, namespace, signal), interrupted), {
      rules: revisionRules(pinSettings(config)),
      prefer: options.prefer,
      isDryRun,
      api,
      ask: createAskRegistry(engine, new PullSecrets(api), signal),
      namespace,
      signal,
    });
    const revisions = await untilAborted(adopted, interrupted);
    const report = { namespace, isDryRun, revisions };
    terminal.out(options.output === 'json' ? printAdoptionJson(report) : printAdoption(report));
    terminal.err(`tagpin: ${summarize(report)}\n`);
    return exitCodeOf(report);
  } finally {
    // They wait for what is being asked, and nobody wants to know any more.
    for (const part of [engine, connection]) part.close().catch(() => undefined);
  }
}

/** @throws CommandFailed */
async function readRevisions(
  api: KubernetesApi,
  namespace: string,
  signal: AbortSignal,
): Promise<RevisionInUse[]> {
  try {
    const revisions = await readRevisionsInUse(api, namespace, signal);
    if (revisions.length === 0) await mustExist(api, namespace, signal);
    return revisions;
  } catch (error) {
    if (!(error instanceof KubernetesError)) throw error;
    throw new CommandFailed(
      `the revisions of namespace ${namespace} can't be read: ${error.message}; ${remedyFor(error)}`,
    );
  }
}

/** In a namespace that isn't there nothing is found, and nothing is wrong. Who may not look can't be told. */
async function mustExist(api: KubernetesApi, namespace: string, signal: AbortSignal): Promise<void> {
  try {
    if ((await api.readMetadata(resources.Namespace, undefined, namespace, signal)) !== undefined) return;
  } catch (error) {
    if (error instanceof KubernetesError && error.status === 403) return;
    throw error;
  }
  throw new CommandFailed(
    `namespace "${namespace}" doesn't exist; correct its name or the kubeconfig's context`,
  );
}

/** In the order given, a few at once. */
async function adoptAll(revisions: readonly RevisionInUse[], means: Means): Promise<AdoptedRevision[]> {
  const adopted: AdoptedRevision[] = [];
  const rest = revisions.entries();
  const work = async () => {
    for (const [index, revision] of rest) adopted[index] = await adoptRevision(revision, means);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  return adopted;
}
