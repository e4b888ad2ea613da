import { openLogin } from '../../access/credentials.ts';
import { withConcurrency } from '../../access/lookups.ts';
import { remedyFor } from '../../access/remedies.ts';
import { type Config, loadConfig } from '../../config.ts';
import { CommandFailed, type ExitCode, WrongUse } from '../../console/exit.ts';
import type { CommandContext } from '../../console/runtime.ts';
import { PullSecrets } from '../../credentials/pull-secrets.ts';
import { createRegistryEngine } from '../../engine.ts';
import { type Audit, auditNamespaces, type Problem } from '../../fleet/audit.ts';
import { Fleet } from '../../fleet/fleet.ts';
import { readFleet } from '../../fleet/inventory.ts';
import { printable } from '../../image/excerpt.ts';
import { createKubernetesApi, type KubernetesApi } from '../../kubernetes/api.ts';
import type { KubernetesError } from '../../kubernetes/error.ts';
import { untilAborted } from '../../singleflight.ts';
import { Judgement } from './judge.ts';
import type { AuditOptions } from './options.ts';
import { checkOutput, exitCodeOf, writeAudit } from './output.ts';
import { RegistryViews } from './registry.ts';

/**
 * `tagpin audit`: what runs in a cluster, by tag and by digest, what has become of those tags, and what to write
 * instead. What can't be found out is said, and the rest is done; stopped, it shows what is known so far.
 *
 * @throws WrongUse, InvalidConfig, CommandFailed, or the reason of `interrupted`
 */
export async function audit(options: AuditOptions, context: CommandContext): Promise<ExitCode> {
  const { terminal, connect, interrupted, environment } = context;
  const namespaces = scopeOf(options);
  checkOutput(options);
  const config = loadConfig(options.registryConfig);
  const signal = AbortSignal.any([interrupted, AbortSignal.timeout(options.timeout)]);
  // The pods haven't what this person is logged in with.
  const sources = openLogin(options.dockerConfig ?? config.dockerConfig, [], signal);
  const connection = await connect();
  const engine = createRegistryEngine(withConcurrency(config), {
    sources,
    proxies: environment.proxies,
    observe: () => undefined,
  });
  try {
    const api = createKubernetesApi(connection);
    const fleet = new Fleet();
    const unread = new ReadFailures();
    const isRead = await untilStopped(readAll(fleet, api, namespaces, unread, context, signal), signal);
    const problems = unread.problems();
    if (fleet.namespaces.length === 0) throw nothingRead(problems, context);

    const judgement = new Judgement(fleet);
    const views = new RegistryViews(engine, new PullSecrets(api), signal);
    const isAsked = isRead && (await untilStopped(judgeAll(judgement, views, options, context), signal));
    for (const [message, images] of judgement.problems()) problems.push({ message, images });
    if (!isRead || !isAsked) problems.push(stopped(isRead, judgement, options, interrupted));

    const report = auditOf(fleet, judgement, problems, config);
    const more = await writeAudit(report, options, {
      api,
      config,
      terminal,
      signal,
    });
    interrupted.throwIfAborted();
    return exitCodeOf({ ...report, problems: [...problems, ...more] }, options.failOn);
  } finally {
    // They wait for what is being asked, and nobody wants to know any more.
    for (const part of [engine, connection]) part.close().catch(() => undefined);
  }
}

/** @throws WrongUse */
function scopeOf({ namespace: names, allNamespaces }: AuditOptions): readonly string[] | undefined {
  if (names === undefined) return undefined;
  if (allNamespaces) throw new WrongUse('-A is for all namespaces, and -n for those it names: leave one out');
  return [...new Set(names)];
}

async function readAll(
  fleet: Fleet,
  api: KubernetesApi,
  namespaces: readonly string[] | undefined,
  unread: ReadFailures,
  { terminal }: CommandContext,
  signal: AbortSignal,
): Promise<void> {
  using progress = terminal.progress({ counted: 'pods read' });
  const failed = (what: string, error: KubernetesError | undefined) => unread.add(what, error);
  await readFleet(fleet, { api, namespaces, signal, failed, seen: () => progress.finish('') });
}

async function judgeAll(
  judgement: Judgement,
  views: RegistryViews,
  { registry, concurrency }: AuditOptions,
  { terminal }: CommandContext,
): Promise<void> {
  if (!registry) return judgement.withoutRegistry();
  const total = judgement.questions().length;
  using progress = terminal.progress({ counted: 'images looked up', total });
  await judgement.askRegistries((namespace, pull) => views.for(namespace, pull), concurrency, progress);
}

/** Whether the work came to its end before it was stopped; it may go on, and nobody waits for it any more. */
async function untilStopped(work: Promise<void>, signal: AbortSignal): Promise<boolean> {
  try {
    await untilAborted(work, signal);
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}

/** Nothing of the cluster could be read: why, or that somebody had enough. */
function nothingRead(problems: readonly Problem[], { interrupted, terminal }: CommandContext): unknown {
  if (interrupted.aborted) return interrupted.reason;
  const messages = problems.map(({ message }) => message);
  // The command ends with the last; each has a line of its own.
  for (const message of messages.slice(0, -1)) terminal.err(`tagpin: ${printable(message)}\n`);
  return new CommandFailed(messages.at(-1) ?? 'the API server gave no answer in time');
}

function stopped(
  isRead: boolean,
  judgement: Judgement,
  { timeout }: AuditOptions,
  interrupted: AbortSignal,
): Problem {
  const why = interrupted.aborted
    ? 'it was interrupted'
    : `the time was up after ${timeout / 1000} s (--timeout)`;
  const what = isRead ? 'registries were not asked about everything' : 'not all of the cluster was read';
  return { message: `${why}: ${what}`, images: isRead ? judgement.open : undefined };
}

function auditOf(fleet: Fleet, judgement: Judgement, problems: readonly Problem[], { pin }: Config): Audit {
  const at = new Date();
  const images = judgement.images(fleet, pin, at);
  return { at, namespaces: auditNamespaces(fleet, images), images, problems };
}

/** What a call's error begins with, which says what was asked and not what the matter is. */
const REQUEST = /^[A-Z]+ \/\S*: /;

/** More names would hide the cause. */
const MOST_NAMES = 4;

/** What of the cluster couldn't be read, once for each cause: one API server that is down has one for all of it. */
export class ReadFailures {
  readonly #causes = new Map<string, { error: KubernetesError; names: string[] }>();
  readonly #absent: string[] = [];

  /** Without an error it isn't there. */
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
