import { countingReads } from '../../access/cluster.ts';
import { openLogin } from '../../access/credentials.ts';
import { createLookups } from '../../access/lookups.ts';
import { readNamespace } from '../../access/namespace.ts';
import { loadConfig } from '../../config.ts';
import type { ExitCode } from '../../console/exit.ts';
import { interruptible } from '../../console/interruption.ts';
import type { CommandContext } from '../../console/runtime.ts';
import type { Terminal } from '../../console/terminal.ts';
import { PullSecrets } from '../../credentials/pull-secrets.ts';
import { createKubernetesApi } from '../../kubernetes/api.ts';
import { podRules } from '../../pin/settings.ts';
import { type ImageCheck, type ImageUse, imageUses } from '../../preflight/image-use.ts';
import { readWorkloads } from '../../preflight/workloads.ts';
import { untilAborted } from '../../singleflight.ts';
import { checkImage, type ImageMeans } from './images.ts';
import { checkInstallation } from './installation.ts';
import { preflightExitCode, printPreflight, printPreflightJson, summarizePreflight } from './report.ts';

export interface PreflightOptions {
  output?: string;
  /** Milliseconds for everything. */
  timeout: number;
  /** Images that are asked for at once of a registry; else the configuration says. */
  concurrency?: number;
  dockerConfig?: string;
  registryConfig?: string;
}

/**
 * `tagpin preflight`: says what `enforce` would do with every image that a namespace runs or is to run, and whether all
 * is there for it. Writes nothing, and needs nothing to be installed.
 *
 * @throws WrongUse, InvalidConfig, CommandFailed, or the reason of `interrupted`
 */
export async function preflight(
  namespace: string,
  options: PreflightOptions,
  { environment, terminal, connect, interrupted }: CommandContext,
): Promise<ExitCode> {
  const config = loadConfig(options.registryConfig);
  const signal = AbortSignal.any([interrupted, AbortSignal.timeout(options.timeout)]);
  // The pods haven't what this person is logged in with.
  const sources = openLogin(options.dockerConfig ?? config.dockerConfig, [], signal);
  const connection = await connect();
  const api = createKubernetesApi(connection);
  const lookups = createLookups(config, {
    sources,
    proxies: environment.proxies,
    pullCredentials: undefined,
    concurrency: options.concurrency,
    inspect: false,
    signal,
  });
  try {
    const metadata = await untilAborted(readNamespace(api, namespace, signal), interrupted);
    const labels = metadata && (metadata.labels ?? {});
    const subject = { name: namespace, labels, own: environment.namespace };
    const means = { api, webhook: config.webhook, signal, now: Date.now() };
    const standing = interruptible(checkInstallation(subject, means), interrupted, () => true);
    const { workloads, unread } = await untilAborted(read(api, namespace, terminal, signal), interrupted);
    const uses = imageUses(namespace, workloads, podRules(config.pin, 'enforce'));
    const images = await checkAll(uses, terminal, interrupted, {
      pullSecrets: new PullSecrets(api),
      lookups,
      signal,
    });
    const report = { namespace, checks: (await standing) ?? [], images, unread };
    terminal.out(options.output === 'json' ? printPreflightJson(report) : printPreflight(report));
    for (const message of unread) terminal.err(`tagpin: not all images are known: ${message}\n`);
    terminal.err(`tagpin: ${summarizePreflight(report)}\n`);
    interrupted.throwIfAborted();
    return preflightExitCode(report);
  } finally {
    // They wait for what is being asked, and nobody wants to know any more.
    for (const part of [lookups, connection]) part.close().catch(() => undefined);
  }
}

async function read(
  api: ReturnType<typeof createKubernetesApi>,
  namespace: string,
  terminal: Terminal,
  signal: AbortSignal,
) {
  using progress = terminal.progress({ counted: 'objects read' });
  return await readWorkloads({ ...countingReads(api, progress), serves: api.serves }, namespace, signal);
}

/** All at once; how many are with a registry is for its lane to say. */
async function checkAll(
  uses: readonly ImageUse[],
  terminal: Terminal,
  interrupted: AbortSignal,
  means: ImageMeans,
): Promise<ImageCheck[]> {
  using progress = terminal.progress({ counted: 'images looked at', total: uses.length });
  return await Promise.all(
    uses.map(async (use): Promise<ImageCheck> => {
      const { image } = use.decided.field;
      progress.begin(image);
      const check = await interruptible(
        checkImage(use, means),
        interrupted,
        ({ state }) => state === 'refused' || state === 'unknown',
      );
      progress.finish(image);
      return check ?? { ...use, state: 'unknown', message: 'ended before this was known' };
    }),
  );
}
