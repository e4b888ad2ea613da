import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type Order, type Outcome, reply } from './order.ts';

/** Somebody who sends reviews, in a process of his own. */
export interface Load extends AsyncDisposable {
  /** @throws when a server doesn't answer as expected */
  send(order: Order): Promise<Outcome>;
}

export function startLoad(): Load {
  const child = fork(join(import.meta.dirname, 'generator.ts'), { execArgv: [] });
  return {
    async send(order) {
      const ended = new AbortController();
      const end = () => ended.abort(new Error('the load generator ended'));
      child.once('exit', end);
      const answered = once(child, 'message', { signal: ended.signal });
      child.send(order);
      const answer = reply.parse((await answered)[0]);
      child.off('exit', end);
      if ('error' in answer) throw new Error(`the load generator: ${answer.error}`);
      return answer.outcome;
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null) return;
      child.disconnect();
      await once(child, 'exit');
    },
  };
}
