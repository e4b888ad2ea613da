import { type Cluster, withCluster } from '../../access/cluster.ts';
import { remedyFor } from '../../access/remedies.ts';
import { CommandFailed, type ExitCode, WrongUse } from '../../console/exit.ts';
import type { CommandContext } from '../../console/runtime.ts';
import { type Audit, auditNamespaces, type Problem } from '../../fleet/audit.ts';
import { Fleet } from '../../fleet/fleet.ts';
import { readFleet } from '../../fleet/inventory.ts';
import type { KubernetesError } from '../../kubernetes/error.ts';
import { printable } from '../../printable.ts';
import { untilAborted } from '../../singleflight.ts';
import { Judgement } from './judge.ts';
import type { AuditOptions } from './options.ts';
import { checkOutput, exitCodeOf, writeAudit } from './output.ts';
import { RegistryViews } from './registry.ts';

/**
 * `tagpin audit`: reports what a cluster runs, by tag and by digest, where the tags have moved, and what to write
 * instead. What can't be found out is reported too, and doesn't stop the rest. Interrupted, it reports what it has.
 *
 * @throws WrongUse, InvalidConfig, CommandFailed, or the reason of `interrupted`
 */
export async function audit(options: AuditOptions, context: CommandContext): Promise<ExitCode> {
  checkOutput(options);
  return withCluster(options, context, async (cluster) => {
    const { terminal, interrupted } = context;
    const report = await takeAudit(options, cluster, context);
    const more = await writeAudit(report, options, { ...cluster, terminal });
    interrupted.throwIfAborted();
    return exitCodeOf({ ...report, problems: [...report.problems, ...more] }, options.failOn);
  });
}

/**
 * Audits the cluster, as far as that can be done until it is stopped.
 *
 * @throws WrongUse, CommandFailed, or the reason of `interrupted` if nothing could be read
 */
export async function takeAudit(
  options: AuditScope,
  cluster: Cluster,
  context: CommandContext,
): Promise<Audit> {
  const namespaces = scopeOf(options);
  const { interrupted } = context;
  const { config, signal } = cluster;
  const fleet = new Fleet();
  const failures = new ReadFailures();
  const isRead = await untilStopped(readAll(fleet, cluster, namespaces, failures, context), signal);
  const problems = failures.problems();
  if (fleet.namespaces.length === 0) throw nothingRead(problems, context);

  const judgement = new Judgement(fleet);
  const views = new RegistryViews(cluster);
  const isAsked = isRead && (await untilStopped(judgeAll(judgement, views, options, context), signal));
  for (const [message, images] of judgement.problems()) problems.push({ message, images });
  if (!isRead || !isAsked) problems.push(stopped(isRead, judgement, options, interrupted));

  const at = new Date();
  const images = judgement.images(config.pin, at);
  const audited = auditNamespaces(fleet, images);
  return { at, cluster: cluster.name, namespaces: audited, images, problems };
}

/** What an audit is about, and how it is done. */
type AuditScope = Pick<AuditOptions, 'namespace' | 'allNamespaces' | 'registry' | 'concurrency' | 'timeout'>;

/** @throws WrongUse */
function scopeOf({ namespace: names, allNamespaces }: AuditScope): readonly string[] | undefined {
  if (names === undefined) return undefined;
  if (allNamespaces) throw new WrongUse('-A is for all namespaces, and -n for those it names: leave one out');
  return [...new Set(names)];
}

async function readAll(
  fleet: Fleet,
  { api, signal }: Cluster,
  namespaces: readonly string[] | undefined,
  failures: ReadFailures,
  { terminal }: CommandContext,
): Promise<void> {
  using progress = terminal.progress({ counted: 'pods read' });
  const failed = (what: string, error: KubernetesError | undefined) => failures.add(what, error);
  await readFleet(fleet, { api, namespaces, signal, failed, seen: () => progress.finish('') });
}

async function judgeAll(
  judgement: Judgement,
  views: RegistryViews,
  { registry, concurrency }: AuditScope,
  { terminal }: CommandContext,
): Promise<void> {
  if (!registry) return judgement.withoutRegistry();
  const total = judgement.questions().length;
  using progress = terminal.progress({ counted: 'images looked up', total });
  await judgement.askRegistries((namespace, pull) => views.for(namespace, pull), concurrency, progress);
}

/** Whether the work finished before the signal aborted. Otherwise it isn't waited for any longer. */
async function untilStopped(work: Promise<void>, signal: AbortSignal): Promise<boolean> {
  try {
    await untilAborted(work, signal);
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}

/** The error for a cluster of which nothing could be read. */
function nothingRead(problems: readonly Problem[], { interrupted, terminal }: CommandContext): unknown {
  if (interrupted.aborted) return interrupted.reason;
  const messages = problems.map(({ message }) => message);
  // Each message has a line of its own, and the thrown error prints the last.
  for (const message of messages.slice(0, -1)) terminal.err(`tagpin: ${printable(message)}\n`);
  return new CommandFailed(messages.at(-1) ?? 'the API server gave no answer in time');
}

function stopped(
  isRead: boolean,
  judgement: Judgement,
  { timeout }: AuditScope,
  interrupted: AbortSignal,
): Problem {
  const why = interrupted.aborted
    ? 'it was interrupted'
    : `the time was up after ${timeout / 1000} s (--timeout)`;
  const what = isRead ? 'registries were not asked about everything' : 'not all of the cluster was read';
  return { message: `${why}: ${what}`, images: isRead ? judgement.open : undefined };
}

/** The request at the start of an error's message, which isn't part of its cause. */
const REQUEST = /^[A-Z]+ \/\S*: /;

/** With more names, the cause would be hard to find. */
const MOST_NAMES = 4;

/** What couldn't be read of the cluster, once for each cause: an API server that is down is one cause for everything. */
class ReadFailures {
  readonly #causes = new Map<string, { error: KubernetesError; names: string[] }>();
  readonly #absent: string[] = [];

  /** @param error undefined if the object doesn't exist */
  add(name: string, error: KubernetesError | undefined): void {
    if (error === undefined) {
      this.#absent.push(name);
      return;
    }
    const cause = `${error.status} ${error.message.replace(REQUEST, '')}`;
    const known = this.#causes.get(cause);
    if (known === undefined) this.#causes.set(cause, { error, names: [name] });
    else known.names.push(name);
  }

  problems(): Problem[] {
    const absent = this.#absent.map(
      (name) => `${name} doesn't exist; correct its name or the kubeconfig's context`,
    );
    const unreadable = [...this.#causes.values()].map(
      ({ error, names }) => `${listed(names)} can't be read: ${error.message}; ${remedyFor(error)}`,
    );
    return [...absent, ...unreadable].map((message) => ({ message, images: undefined }));
  }
}

function listed(names: readonly string[]): string {
  const rest = names.length - MOST_NAMES;
  const shown = rest > 0 ? [...names.slice(0, MOST_NAMES), `${rest} more`] : names;
  return [shown.slice(0, -1).join(', '), ...shown.slice(-1)].filter((part) => part !== '').join(' and ');
}
