import { parentPort, workerData } from 'node:worker_threads';
import { Agent } from 'undici';
import { z } from 'zod';
import { callAsApiServer, type Outcome } from '../test/support/as-api-server.ts';
import type { answersSchema, Task } from './flood.ts';
import { type Pods, podsSchema, reviewsOf } from './large-pods.ts';

const taskSchema: z.ZodType<Task> = z.object({
  pods: podsSchema,
  atOnce: z.number(),
  timeout: z.number(),
  port: z.number(),
  ca: z.string(),
});
const answerSchema = z.object({ response: z.object({ allowed: z.boolean() }) });

/** Bytes of reviews that are made before any is sent: what makes them must not keep the webhook waiting. */
const PREPARED_BYTES = 64 * 2 ** 20;

/** The reviews as they go over the wire; large ones are few, and sent again and again. */
function prepare(pods: Pods): Buffer[] {
  const count = Math.min(pods.count, Math.max(1, Math.floor(PREPARED_BYTES / Math.max(1, pods.bytes))));
  return Array.from(reviewsOf({ ...pods, count }), (review) => Buffer.from(review));
}

async function send({ pods, atOnce, timeout, port, ca }: Task): Promise<Outcome<{ text: string }>[]> {
  const reviews = prepare(pods);
  const agent = new Agent({ connect: { ca, servername: 'tagpin.tagpin-system.svc' } });
  const call = (body: Buffer) => async (signal: AbortSignal) => {
    const {
      statusCode,
      headers,
      body: answer,
    } = await agent.request({
      origin: `https://127.0.0.1:${port}`,
      path: `/pin/enforce?timeout=${timeout / 1000}s`,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      signal,
    });
    return { status: statusCode, headers, text: await answer.text() };
  };
  // Busy API servers have their connections already.
  const connected = Array.from({ length: atOnce }, () => call(Buffer.alloc(0))(AbortSignal.timeout(60_000)));
  await Promise.all(connected);
  const outcomes: Outcome<{ text: string }>[] = [];
  let sent = 0;
  const senders = Array.from({ length: atOnce }, async () => {
    while (sent < pods.count) {
      const review = reviews[sent++ % reviews.length] ?? Buffer.alloc(0);
      outcomes.push(await callAsApiServer(call(review), timeout));
    }
  });
  await Promise.all(senders);
  await agent.destroy();
  return outcomes;
}

function summary(outcomes: readonly Outcome<{ text: string }>[]): z.infer<typeof answersSchema> {
  const answers = outcomes.flatMap(({ answer }) =>
    answer === undefined ? [] : [answerSchema.parse(JSON.parse(answer.text)).response.allowed],
  );
  const times = outcomes.map(({ milliseconds }) => milliseconds).sort((a, b) => a - b);
  return {
    allowed: answers.filter((allowed) => allowed).length,
    refused: answers.filter((allowed) => !allowed).length,
    failed: outcomes.length - answers.length,
    unanswered: outcomes.filter(({ unanswered }) => unanswered).length,
    sentBack: outcomes.reduce((sum, { sentBack }) => sum + sentBack, 0),
    median: times[Math.floor(times.length / 2)] ?? 0,
    slowest: times.at(-1) ?? 0,
  };
}

parentPort?.postMessage(summary(await send(taskSchema.parse(workerData))));
