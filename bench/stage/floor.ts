import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { z } from 'zod';
import { createAuthority } from '../../test/support/authority.ts';
import { adopt, end } from '../../test/support/child.ts';
import type { ReviewServer } from './process.ts';

const NAME = 'floor.test';
const started = z.object({ port: z.number() });

/**
 * The bare server beside which a webhook is measured.
 *
 * @param patch what it answers at its path, in base64 as in an AdmissionReview; at any other path it only allows
 */
export async function startFloor(patch: string, address = '127.0.0.1'): Promise<ReviewServer> {
  const authority = await createAuthority();
  const child = fork(join(import.meta.dirname, 'floor-server.ts'), { execArgv: [] });
  const pid = adopt(child);
  const listening = once(child, 'message');
  child.send({ ...(await authority.issue([NAME, address])), address, patch });
  const { port } = started.parse((await listening)[0]);
  return {
    pid,
    port,
    ca: authority.caPem,
    servername: NAME,
    path: '/patch',
    [Symbol.asyncDispose]: () => end(child),
  };
}
