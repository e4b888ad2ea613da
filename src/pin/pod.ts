import { z } from 'zod';

/**
 * The fields of a Pod that tagpin reads. The others stay unchanged, because the response is a patch. Go encodes some empty
 * lists and maps as `null`, so `null` counts as missing.
 */
const containerSchema = z.object({
  name: z.string().default(''),
  image: z.string().nullish(),
  imagePullPolicy: z.string().nullish(),
});

const volumeSchema = z.object({
  name: z.string().default(''),
  image: z.object({ reference: z.string().nullish(), pullPolicy: z.string().nullish() }).nullish(),
});

export const podSpecSchema = z.object({
  initContainers: z.array(containerSchema).nullish(),
  containers: z.array(containerSchema).nullish(),
  ephemeralContainers: z.array(containerSchema).nullish(),
  volumes: z.array(volumeSchema).nullish(),
  imagePullSecrets: z.array(z.object({ name: z.string().default('') })).nullish(),
  serviceAccountName: z.string().nullish(),
  /** The deprecated spelling, still honoured by the API server. */
  serviceAccount: z.string().nullish(),
});
export type PodSpec = z.infer<typeof podSpecSchema>;

const ownerReferenceSchema = z.object({
  apiVersion: z.string().default(''),
  kind: z.string().default(''),
  name: z.string().default(''),
  uid: z.string().default(''),
  controller: z.boolean().nullish(),
});

const metadataSchema = z.object({
  name: z.string().nullish(),
  generateName: z.string().nullish(),
  labels: z.record(z.string(), z.string()).nullish(),
  annotations: z.record(z.string(), z.string()).nullish(),
  ownerReferences: z.array(ownerReferenceSchema).nullish(),
  creationTimestamp: z.string().nullish(),
  deletionTimestamp: z.string().nullish(),
});

export const podSchema = z.object({ metadata: metadataSchema, spec: podSpecSchema });
export type Pod = z.infer<typeof podSchema>;

/** A pod template, as a pod. Its metadata may be missing. */
export const podTemplateSchema = z.object({
  metadata: metadataSchema.nullish().transform((metadata) => metadata ?? {}),
  spec: podSpecSchema,
});
