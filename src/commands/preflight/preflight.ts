import { type Cluster, type ClusterAccess, countingReads, withCluster } from '../../access/cluster.ts';
import { lookUp } from '../../access/lookups.ts';
import { readNamespace } from '../../access/namespace.ts';
import { atCommandLine } from '../../access/remedies.ts';
import { type ExitCode, interruptible } from '../../console/exit.ts';
import type { CommandContext } from '../../console/runtime.ts';
import type { Credential } from '../../credentials/credential.ts';
import type { Digest } from '../../image/digest.ts';
import type { Reference } from '../../image/reference.ts';
import { KubernetesError } from '../../kubernetes/error.ts';
import { podRules } from '../../pin/settings.ts';
import { type ImageCheck, type ImageUse, imageUses, type Pull } from '../../preflight/image-use.ts';
import { readWorkloads } from '../../preflight/workloads.ts';
import { RegistryError } from '../../registry/error.ts';
import { explain, sentence } from '../../resolve/failure.ts';
import type { ImageOutcome } from '../../resolve/pin-images.ts';
import { untilAborted } from '../../singleflight.ts';
import { verdictOf } from '../../webhook/verdict.ts';
import { checkInstallation } from './installation.ts';
import { preflightExitCode, printPreflight, printPreflightJson, summarizePreflight } from './report.ts';

export interface PreflightOptions extends ClusterAccess {
  output?: string;
  /** Requests at a time to one registry, instead of the configuration's number. */
  concurrency?: number;
}

/**
 * `tagpin preflight`: reports what `enforce` would do with every image that a namespace runs or is to run, and whether
 * the installation works for it. Writes nothing. tagpin needn't be installed.
 *
 * @throws WrongUse, InvalidConfig, CommandFailed, or the reason of `interrupted`
 */
export async function preflight(
  namespace: string,
  options: PreflightOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const check = async (cluster: Cluster) => {
    const { environment, terminal, interrupted } = context;
    const { api, config, signal } = cluster;
    const metadata = await untilAborted(readNamespace(api, namespace, signal), interrupted);
    const labels = metadata && (metadata.labels ?? {});
    const subject = { name: namespace, labels, own: environment.namespace };
    const installation = checkInstallation(subject, {
      api,
      webhook: config.webhook,
      signal,
      now: Date.now(),
    });
    const checking = interruptible(installation, interrupted, () => true);
    const { workloads, unread } = await untilAborted(read(namespace, cluster, context), interrupted);
    const uses = imageUses(namespace, workloads, podRules(config.pin, 'enforce'));
    const images = await checkImages(uses, cluster, context);
    const report = { namespace, checks: (await checking) ?? [], images, unread };
    terminal.out(options.output === 'json' ? printPreflightJson(report) : printPreflight(report));
    for (const message of unread) terminal.err(`tagpin: not all images are known: ${message}\n`);
    terminal.err(`tagpin: ${summarizePreflight(report)}\n`);
    interrupted.throwIfAborted();
    return preflightExitCode(report);
  };
  return withCluster(options, context, check, options.concurrency);
}

async function read(namespace: string, { api, signal }: Cluster, { terminal }: CommandContext) {
  using progress = terminal.progress({ counted: 'objects read' });
  return await readWorkloads({ ...countingReads(api, progress), serves: api.serves }, namespace, signal);
}

/** All at the same time: the engine limits the requests to each registry. */
async function checkImages(
  uses: readonly ImageUse[],
  cluster: Cluster,
  { terminal, interrupted }: CommandContext,
): Promise<ImageCheck[]> {
  using progress = terminal.progress({ counted: 'images looked at', total: uses.length });
  return await Promise.all(
    uses.map(async (use): Promise<ImageCheck> => {
      const { image } = use.decided.field;
      progress.begin(image);
      const check = await interruptible(
        checkImage(use, cluster),
        interrupted,
        ({ state }) => state === 'refused' || state === 'unknown',
      );
      progress.finish(image);
      return check ?? { ...use, state: 'unknown', message: 'ended before this was known' };
    }),
  );
}

/** What `enforce` would do with an image. Never rejects. */
async function checkImage(use: ImageUse, { engine, podCredentials, signal }: Cluster): Promise<ImageCheck> {
  const { field, decision } = use.decided;
  switch (decision.action) {
    case 'leave':
      return { ...use, state: 'left', reason: decision.reason };
    case 'refuse': {
      const failure = explain(decision.error);
      return refused(use, { field, result: 'failed', failure, error: decision.error, milliseconds: 0 });
    }
    case 'remember':
    case 'resolve':
  }
  const credentials = podCredentials(use.puller);
  const found = await lookUp(engine, decision.reference, credentials, { inspect: false, signal });
  if (found.failure !== undefined) {
    const { failure, error } = found;
    if (error instanceof KubernetesError) return { ...use, state: 'unknown', message: sentence(failure) };
    return refused(use, { field, result: 'failed', failure, error: failure, milliseconds: 0 });
  }
  const { digest, credential } = found;
  const pull = await pullOf({ ...decision.reference, digest }, credential, { engine, signal });
  return { ...use, state: 'pinned', digest, credential: credential?.source ?? 'anonymous', pull };
}

/** Whether nodes with these mirrors could pull a digest. */
async function pullOf(
  reference: Reference & { digest: Digest },
  credential: Credential | undefined,
  { engine, signal }: Pick<Cluster, 'engine' | 'signal'>,
): Promise<Pull | undefined> {
  const because = (error: unknown) => sentence(atCommandLine(explain(error), error));
  try {
    const failures = await engine.client.findAtMirrors(reference, credential, signal);
    const notes = failures?.map(
      ({ host, error }) => `mirror ${host} doesn't serve the digest: ${explain(error).cause}`,
    );
    return notes && { isPossible: true, notes };
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    return { isPossible: false, notes: [`nodes can't pull that digest: ${because(error)}`] };
  }
}

/** In the webhook's own words. */
function refused(use: ImageUse, outcome: ImageOutcome): ImageCheck {
  const verdict = verdictOf('enforce', [outcome], [], []);
  return { ...use, state: 'refused', message: verdict.message ?? '' };
}
