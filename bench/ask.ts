import { z } from 'zod';
import { applyPatch } from '../test/support/admission.ts';
import { podSchema } from '../test/support/pod.ts';
import { callWebhook } from '../test/support/webhook-process.ts';
import type { ReviewServer } from './servers/server.ts';

const reviewSchema = z.object({ request: z.object({ object: podSchema }) });

/**
 * Asks once, before anything is measured, and makes sure that the answer pins every image.
 *
 * @returns the answer as it came
 */
export async function ask(server: ReviewServer, review: string): Promise<string> {
  const sent = reviewSchema.parse(JSON.parse(review)).request.object;
  const { status, body } = await callWebhook(server, { ...server, review: JSON.parse(review) });
  if (status !== 200) throw new Error(`the webhook answered ${status}: ${body}`);
  const { containers } = applyPatch(sent, JSON.parse(body)).spec;
  const missed = containers.filter(({ image = '' }) => !image.includes('@sha256:'));
  if (missed.length > 0)
    throw new Error(`not pinned: ${missed.map(({ image }) => image).join(', ')}: ${body}`);
  return body;
}
