import type { ServerResponse } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { z } from 'zod';

/** One request that a script expects, and its answer. */
export const scriptedResponse = z.strictObject({
  method: z.string(),
  /** The requested host; by default the registry itself. */
  host: z.string().optional(),
  /** By default any path. */
  path: z.string().optional(),
  status: z.number().optional(),
  /** Sent unchanged, so a Content-Length may be wrong. */
  headers: z.record(z.string(), z.union([z.string(), z.array(z.string())])).default({}),
  /** Before any Content-Encoding. */
  body: z.string().optional(),
  /** Instead of a body, this many arbitrary bytes. */
  bodyBytes: z.number().optional(),
  /** A TCP reset instead of an answer. */
  connectionReset: z.boolean().default(false),
  /** The time before the first byte. */
  delayMs: z.number().default(0),
  /** Sends the body byte by byte, with this time between two. */
  byteEveryMs: z.number().optional(),
  /** Cuts the connection after this many bytes of the body. */
  truncateAt: z.number().optional(),
});

export type ScriptedResponse = z.input<typeof scriptedResponse>;
export type Step = z.output<typeof scriptedResponse>;

/** Writes the step's answer. */
export async function play(step: Step, response: ServerResponse): Promise<void> {
  if (step.delayMs > 0) await setTimeout(step.delayMs, undefined, { ref: false });
  if (step.connectionReset) {
    response.socket?.resetAndDestroy();
    return;
  }
  const gzipped = header(step, 'content-encoding') === 'gzip';
  const plain =
    step.bodyBytes === undefined ? Buffer.from(step.body ?? '') : Buffer.alloc(step.bodyBytes, ' ');
  const body = gzipped ? gzipSync(plain) : plain;
  const length = header(step, 'content-length');
  response.writeHead(step.status ?? 200, headersOf(step, gzipped ? String(body.length) : length));
  response.flushHeaders();
  if (response.req.method === 'HEAD') {
    response.end();
    return;
  }
  await writeBody(step, response, body);
  // after a wrong length the next response would be read from the wrong byte
  const lies = !gzipped && length !== undefined && Number(length) !== body.length;
  if (lies || step.truncateAt !== undefined) response.socket?.destroySoon();
  else response.end();
}

async function writeBody(step: Step, response: ServerResponse, body: Buffer): Promise<void> {
  const sent = body.subarray(0, step.truncateAt);
  if (step.byteEveryMs === undefined) {
    if (sent.length > 0) response.write(sent);
    return;
  }
  for (const byte of sent) {
    if (response.destroyed) return;
    response.write(Buffer.of(byte));
    await setTimeout(step.byteEveryMs, undefined, { ref: false });
  }
}

/** The headers with a Content-Length, if one was scripted: a script gives that of the body before gzip. */
function headersOf(step: Step, length: string | undefined): Record<string, string | string[]> {
  const scripted = Object.entries(step.headers).map(([name, value]) => {
    const isLength = name.toLowerCase() === 'content-length';
    return [name, isLength && length !== undefined ? length : value] as const;
  });
  return Object.fromEntries(scripted);
}

function header(step: Step, name: string): string | undefined {
  const value = Object.entries(step.headers).find(([key]) => key.toLowerCase() === name)?.[1];
  return typeof value === 'string' ? value : value?.[0];
}
