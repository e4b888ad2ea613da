import { z } from 'zod';
import { binariesSchema } from '../../e2e/machine/binaries.ts';

const creates = z.object({
  what: z.literal('creates'),
  rounds: z.number(),
  /** How many pods are created by how many at once. */
  loads: z.array(z.object({ atOnce: z.number(), pods: z.number() })),
});
export type Creates = z.infer<typeof creates>;

/** How large a cluster is. */
const scale = z.object({
  what: z.literal('scale'),
  /** The program kwok, which stands in for the nodes. */
  kwok: z.string(),
  nodes: z.number(),
  /** With credentials of their own, all for one registry. */
  namespaces: z.number(),
  /** Spread over the namespaces; each has an image of its own. */
  deployments: z.number(),
  /** Pods of each. */
  pods: z.number(),
  /** Of tagpin. */
  replicas: z.number(),
});
export type Scale = z.infer<typeof scale>;

/** What a process that runs in namespaces of its own is to do there. */
export const settingsSchema = z.object({
  directory: z.string(),
  binaries: binariesSchema,
  work: z.discriminatedUnion('what', [creates, scale]),
});
export type Settings = z.infer<typeof settingsSchema>;
