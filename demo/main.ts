import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Admissions } from './admission.ts';
import { theWebhookIsTrusted } from './chapters/certificate.ts';
import { theTagMoves } from './chapters/moved.ts';
import { aPodIsPinned } from './chapters/pinned.ts';
import { aPrivateImage } from './chapters/private-image.ts';
import { whatWasAsked } from './chapters/requests.ts';
import { oneRolloutOneDigest } from './chapters/rollout.ts';
import type { Stage } from './chapters/stage.ts';
import { aWrongTag } from './chapters/wrong-tag.ts';
import { startCluster } from './cluster.ts';
import { startRegistries } from './registries.ts';
import { Report } from './report.ts';

const LIMIT_MS = 30_000;
const FAILED = 1;
const INTERRUPTED = 130;

/** Runs all chapters, and returns the exit code. */
async function demonstrate(signal: AbortSignal): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'tagpin-demo-'));
  using _ = { [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
  const coloured = process.stdout.isTTY && process.stdout.hasColors() && !process.env['NO_COLOR'];
  const report = new Report((line) => void process.stdout.write(`${line}\n`), coloured);
  await using registries = await startRegistries();
  await using cluster = await startCluster(folder, registries.closed.host, signal);
  const stage: Stage = {
    registries,
    report,
    signal,
    admissions: new Admissions(cluster, registries, signal),
  };

  report.introduction('tagpin with two registries and a stand-in for the API server, all on loopback');
  theWebhookIsTrusted(stage, cluster);
  const { first, replica } = await aPodIsPinned(stage);
  const { later, again } = await theTagMoves(stage, first);
  await oneRolloutOneDigest(stage, cluster);
  const { own } = await aPrivateImage(stage);
  await aWrongTag(stage);
  whatWasAsked(stage, { first, replica, later, again, own });
  report.end();
  return report.exitCode;
}

const interruption = new AbortController();
const interrupt = () => interruption.abort();
process.once('SIGINT', interrupt);
process.once('SIGTERM', interrupt);
// the reader of the pipe has gone
process.stdout.on('error', interrupt);
const limit = AbortSignal.timeout(LIMIT_MS);

try {
  process.exitCode = await demonstrate(AbortSignal.any([interruption.signal, limit]));
} catch (error) {
  // after an interruption, every error only says that
  if (interruption.signal.aborted) process.exitCode = INTERRUPTED;
  else {
    const message = error instanceof Error ? error.message : String(error);
    console.error(`demo: ${limit.aborted ? `not done after ${LIMIT_MS / 1000} s` : message}`);
    process.exitCode = FAILED;
  }
}
