import { z } from 'zod';

/** What stands in a request for the number of the image, or of the namespace, that it is about. */
export const MARK = '000000';

/** Reviews that the generator is to send, over connections that it keeps. */
export const order = z.object({
  port: z.number(),
  /** The CA to trust, and the name to ask for. */
  ca: z.string(),
  servername: z.string(),
  /** The whole request, headers and body, with marks where it differs from one to the next. */
  request: z.string(),
  /** How many different requests there are; they take turns. One: the request is sent as it is. */
  variants: z.number(),
  connections: z.number(),
  /** Ends after so many milliseconds, or as many requests. */
  until: z.union([z.object({ milliseconds: z.number() }), z.object({ requests: z.number() })]),
  /** Every answer must hold this. */
  expected: z.string(),
});
export type Order = z.infer<typeof order>;

/** What came of it. */
export const outcome = z.object({
  answers: z.number(),
  milliseconds: z.number(),
  /** How much of one core the generator took meanwhile: at 1 it is what was measured, not the server. */
  generatorLoad: z.number(),
  /** Milliseconds from the request's last byte to the answer's, of the middle one and the slowest hundredth. */
  p50: z.number(),
  p99: z.number(),
});
export type Outcome = z.infer<typeof outcome>;

/** What the generator says to each order. */
export const reply = z.union([z.object({ outcome }), z.object({ error: z.string() })]);
