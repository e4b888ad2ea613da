import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { z } from 'zod';
import { createAuthority } from '../../test/support/authority.ts';
import { adopt, end } from './process.ts';
import type { ReviewServer } from './server.ts';

const NAME = 'floor.test';
const started = z.object({ port: z.number() });

/** The bare server beside which a webhook is measured. */
export async function startFloor(answer: string): Promise<ReviewServer & AsyncDisposable> {
  const authority = await createAuthority();
  const child = fork(join(import.meta.dirname, 'floor-server.ts'), { execArgv: [] });
  const listening = once(child, 'message');
  child.send({ ...(await authority.issue([NAME])), answer });
  const { port } = started.parse((await listening)[0]);
  return {
    pid: adopt(child),
    port,
    ca: authority.caPem,
    servername: NAME,
    path: '/',
    [Symbol.asyncDispose]: () => end(child),
  };
}
