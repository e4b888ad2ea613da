import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { z } from 'zod';
import { createAuthority } from '../../test/support/authority.ts';
import { adopt, end } from './process.ts';

const started = z.object({ port: z.number() });

export interface NullWebhook extends AsyncDisposable {
  readonly pid: number;
  readonly url: string;
  readonly caPem: string;
}

/** The webhook beside which one is measured that does something. */
export async function startNullWebhook(address: string): Promise<NullWebhook> {
  const authority = await createAuthority();
  const child = fork(join(import.meta.dirname, 'null-server.ts'), { execArgv: [] });
  const pid = adopt(child);
  const listening = once(child, 'message');
  child.send({ ...(await authority.issue([address])), address });
  const { port } = started.parse((await listening)[0]);
  return {
    pid,
    url: `https://${address}:${port}/`,
    caPem: authority.caPem,
    [Symbol.asyncDispose]: () => end(child),
  };
}
