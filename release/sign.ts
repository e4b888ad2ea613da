import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, succeed } from '../e2e/support/command.ts';
import { findProgram } from './programs.ts';
import type { PublishedRelease } from './release.ts';

/**
 * Signs images and charts by cosign: in a release with the identity of the workflow that runs it, in a dry run with a key
 * made for it, whose public half becomes an artifact. Returns false, and signs nothing, if a dry run finds no cosign.
 */
export async function sign(release: PublishedRelease, references: readonly string[]): Promise<boolean> {
  const { dryRun, work, out, registry, signal } = release;
  const program = findProgram('cosign');
  if (program === undefined && !dryRun)
    throw new Error('a release must be signed, and cosign is not on the path');
  if (program === undefined) return false;
  const env = { COSIGN_PASSWORD: '', ...(registry.caFile && { SSL_CERT_FILE: registry.caFile }) };
  const cosign = (...args: string[]) => succeed(run([program, ...args], { cwd: work, env, signal }));
  if (!dryRun) {
    for (const reference of references) await cosign('sign', '--yes', reference);
    return true;
  }
  await cosign('generate-key-pair');
  const access = registry.plainHttp ? ['--allow-http-registry'] : [];
  for (const reference of references) {
    await cosign('sign', '--yes', '--key=cosign.key', ...offline, ...access, reference);
    await cosign('verify', '--key=cosign.pub', '--insecure-ignore-tlog', ...access, reference);
  }
  copyFileSync(join(work, 'cosign.pub'), join(out, 'cosign.pub'));
  return true;
}

/** Without the public transparency log. */
const offline = ['--tlog-upload=false', '--use-signing-config=false'];
