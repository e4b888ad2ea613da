import { type ClusterAccess, withCluster } from '../../access/cluster.ts';
import { type Clock, systemClock, wait } from '../../clock.ts';
import { CommandFailed, type ExitCode } from '../../console/exit.ts';
import type { CommandContext } from '../../console/runtime.ts';
import { noProgress } from '../../console/terminal.ts';
import type { Audit } from '../../fleet/audit.ts';
import { totalsOf } from '../../fleet/audit.ts';
import { printable } from '../../printable.ts';
import { takeAudit } from '../audit/audit.ts';
import { summarize } from '../audit/table.ts';
import { WatchMetrics } from './metrics.ts';
import { type ListenAddress, serveMetrics } from './server.ts';

export interface WatchOptions extends ClusterAccess {
  /** All if none is named. */
  namespace?: string[];
  allNamespaces?: boolean;
  output?: string;
  /** Milliseconds from the end of an audit to the next. */
  interval: number;
  listen: ListenAddress;
  /** Images at a time. */
  concurrency: number;
}

/**
 * `tagpin watch`: an audit of the cluster, again and again, as metrics. It ends if the first can't read the cluster, because
 * then something is to be corrected; later, it says so in its metrics, and tries again.
 *
 * @throws WrongUse, InvalidConfig, CommandFailed, or the reason of `interrupted`
 */
export async function watch(
  options: WatchOptions,
  context: CommandContext,
  clock: Clock = systemClock,
): Promise<ExitCode> {
  const { terminal, interrupted } = context;
  const metrics = new WatchMetrics();
  using server = await serveMetrics(options.listen, metrics);
  for (let isFirst = true; ; isFirst = false) {
    const started = clock.elapsed();
    try {
      const audit = await auditOnce(options, context);
      interrupted.throwIfAborted();
      metrics.show(audit, (clock.elapsed() - started) / 1000);
      if (isFirst) terminal.err(`tagpin: metrics at port ${server.port}\n`);
      report(audit, options, context);
    } catch (error) {
      if (isFirst || interrupted.aborted || !(error instanceof CommandFailed)) throw error;
      metrics.fail();
      terminal.err(`tagpin: ${printable(error.message)}\n`);
    }
    await wait(clock, options.interval, interrupted);
  }
}

/** With connections and credentials of its own, so that what has been rotated meanwhile counts. */
function auditOnce(options: WatchOptions, context: CommandContext): Promise<Audit> {
  const quiet = { ...context, terminal: { ...context.terminal, progress: () => noProgress } };
  return withCluster(
    options,
    quiet,
    (cluster) => takeAudit({ ...options, registry: true }, cluster, quiet),
    options.concurrency,
  );
}

function report(audit: Audit, { output }: WatchOptions, { terminal }: CommandContext): void {
  const totals = totalsOf(audit);
  const { findings, ...figures } = totals;
  for (const { message } of audit.problems) terminal.err(`tagpin: ${printable(message)}\n`);
  terminal.out(
    output === 'json'
      ? `${JSON.stringify({ at: audit.at, ...figures, findings: Object.fromEntries(findings) })}\n`
      : `${audit.at.toISOString()} ${summarize(totals)}\n`,
  );
}
