import { setTimeout as delay } from 'node:timers/promises';
import { Agent } from 'undici';
import { z } from 'zod';
import { callAsApiServer } from '../../test/support/as-api-server.ts';
import { MARK, numbered, quantile } from '../stage/load.ts';
import { forEach, type ReviewServer } from '../stage/process.ts';
import { answerTasks } from '../stage/thread.ts';

/** What is created, each by a review in turn; {@link MARK} in one stands for the number of the create, the first is `from`. */
export interface Creates {
  readonly server: Pick<ReviewServer, 'port' | 'ca' | 'servername'>;
  readonly reviews: readonly { readonly path: string; readonly body: string }[];
  readonly from: number;
  readonly count: number;
  readonly atOnce: number;
  /** Milliseconds from one create to the next, after which none begins, and that an answer is waited for. */
  readonly every: number;
  readonly milliseconds: number;
  readonly patience: number;
}

/** What came of it. Refused is what `enforce` refuses, an answer that doesn't come in time too. */
export interface Created {
  readonly allowed: number;
  readonly refused: number;
  readonly p99: number;
}

const answerSchema = z.object({ response: z.object({ allowed: z.boolean() }) });
const headers = { 'content-type': 'application/json' };
let agent: Agent | undefined;

answerTasks<Creates, Created>(async (task) => {
  const { server, reviews, from, count, atOnce, every, milliseconds, patience } = task;
  const { port, ca, servername } = server;
  agent ??= new Agent({ connect: { ca, servername } });
  const connections = agent;
  let allowed = 0;
  const times: number[] = [];
  const started = performance.now();
  const numbers = function* () {
    for (let number = 0; number < count && performance.now() - started < milliseconds; number++) yield number;
  };
  await forEach(numbers(), atOnce, async (number) => {
    await delay(Math.max(0, started + number * every - performance.now()));
    const { path, body: marked } = reviews[number % reviews.length] ?? {};
    if (path === undefined || marked === undefined) return;
    const body = marked.replaceAll(MARK, numbered(from + number));
    const request = { origin: `https://127.0.0.1:${port}`, path, method: 'POST', headers, body } as const;
    const outcome = await callAsApiServer(async (signal) => {
      const answer = await connections.request({ ...request, signal });
      return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
    }, patience);
    times.push(outcome.milliseconds);
    const { answer } = outcome;
    if (answer !== undefined && answerSchema.parse(JSON.parse(answer.text)).response.allowed) allowed++;
  });
  return { allowed, refused: times.length - allowed, p99: quantile(times, 0.99) };
});
