import { Agent } from 'undici';
import { z } from 'zod';
import { callAsApiServer } from '../../test/support/as-api-server.ts';
import { type Answers, type FloodTask, TIMEOUT_MS } from './flood.ts';
import { MARK, numbered, quantile } from './load.ts';
import { forEach } from './process.ts';
import { reviewOf } from './reviews.ts';
import { answerTasks } from './thread.ts';

const answerSchema = z.object({ response: z.object({ allowed: z.boolean() }) });

/** Bytes of reviews that are made before any is sent: what makes them must not keep the webhook waiting. */
const PREPARED_BYTES = 64 * 2 ** 20;
const CONTAINER_BYTES = 700;
const VARIABLE_BYTES = 90;

/** The reviews as they go over the wire; large ones are few, and sent again and again. */
function prepare({ pods, reference, from = 0, images, containers = 1, bytes = 0 }: FloodTask): Buffer[] {
  const count = Math.min(pods, Math.max(1, Math.floor(PREPARED_BYTES / Math.max(1, bytes))));
  // What makes a large pod large: many variables, not one long string.
  const variables = Math.max(0, Math.floor((bytes / containers - CONTAINER_BYTES) / VARIABLE_BYTES));
  return Array.from({ length: count }, (_, pod) => {
    const numbers = Array.from({ length: containers }, (_, index) => (pod * containers + index) % images);
    const named = numbers.map((number) => reference.replace(MARK, numbered(from + number)));
    return Buffer.from(reviewOf({ images: named, variables }, 0));
  });
}

answerTasks<FloodTask, Answers>(async (task) => {
  const { pods, atOnce, target } = task;
  const reviews = prepare(task);
  const agent = new Agent({ connect: { ca: target.ca, servername: target.servername } });
  const origin = `https://127.0.0.1:${target.port}`;
  const headers = { 'content-type': 'application/json' };
  const call = (body: Buffer) => async (signal: AbortSignal) => {
    const options = { origin, path: target.path, method: 'POST', headers, body, signal } as const;
    const answer = await agent.request(options);
    return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
  };
  // Busy API servers have their connections already.
  const connected = Array.from({ length: atOnce }, () => call(Buffer.alloc(0))(AbortSignal.timeout(60_000)));
  await Promise.all(connected);
  const sum = { allowed: 0, refused: 0, failed: 0, unanswered: 0, sentBack: 0 };
  const times: number[] = [];
  await forEach(Array(pods).keys(), atOnce, async (number) => {
    const review = reviews[number % reviews.length] ?? Buffer.alloc(0);
    const { answer, unanswered, sentBack, milliseconds } = await callAsApiServer(call(review), TIMEOUT_MS);
    times.push(milliseconds);
    sum.sentBack += sentBack;
    if (unanswered) sum.unanswered++;
    if (answer === undefined) sum.failed++;
    else if (answerSchema.parse(JSON.parse(answer.text)).response.allowed) sum.allowed++;
    else sum.refused++;
  });
  await agent.destroy();
  return { ...sum, median: quantile(times, 0.5), slowest: quantile(times, 1) };
});
