import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createAuthority } from '../../test/support/authority.ts';
import { freePort } from '../../test/support/listen.ts';
import type { Stage } from '../stage.ts';
import { adopt, end } from './process.ts';
import type { ReviewServer } from './server.ts';

const NAME = 'digester.test';
const POLL_MS = 100;
const READY_MS = 30_000;

export interface DigesterOptions {
  /** Where the program is. */
  readonly binary: string;
  readonly stage: Stage;
}

/** k8s-digester, which does a part of the same: it asks the registry for each image of each pod. */
export async function startDigester({
  binary,
  stage,
}: DigesterOptions): Promise<ReviewServer & AsyncDisposable> {
  const authority = await createAuthority();
  const { cert, key } = await authority.issue([NAME]);
  const folder = join(stage.folder, 'digester');
  mkdirSync(folder);
  for (const [name, content] of Object.entries({
    'tls.crt': cert,
    'tls.key': key,
    'ca.crt': authority.caPem,
  })) {
    writeFileSync(join(folder, name), content);
  }
  const [port, metrics, health] = [await freePort(), await freePort(), await freePort()];
  const child = spawn(
    binary,
    [
      'webhook',
      `--cert-dir=${folder}`,
      '--disable-cert-rotation=true',
      `--kubeconfig=${stage.kubeconfig}`,
      `--metrics-addr=127.0.0.1:${metrics}`,
      `--health-addr=127.0.0.1:${health}`,
      `--port=${port}`,
    ],
    { stdio: 'ignore', env: { PATH: process.env['PATH'], HOME: folder, POD_NAMESPACE: 'digester-system' } },
  );
  const pid = adopt(child);
  const until = performance.now() + READY_MS;
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${health}/readyz`).catch(() => undefined);
    if (answer?.ok) break;
    if (performance.now() > until || child.exitCode !== null) {
      await end(child);
      throw new Error(`${binary} isn't ready after ${READY_MS / 1000} s`);
    }
    await delay(POLL_MS);
  }
  return {
    pid,
    port,
    ca: authority.caPem,
    servername: NAME,
    path: '/v1/mutate?timeout=10s',
    [Symbol.asyncDispose]: () => end(child),
  };
}
