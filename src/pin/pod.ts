import { z } from 'zod';

/** A string: null is Go's zero value wherever Kubernetes has one. */
const text = z
  .string()
  .nullish()
  .transform((value) => value ?? '');

const listOf = <T extends z.ZodType>(item: T) => z.array(z.preprocess((value) => value ?? {}, item));

/**
 * The fields of a Pod that tagpin reads. The others stay unchanged, because the response is a patch. Go encodes some empty
 * lists and maps as `null`, so `null` counts as missing.
 */
const containerSchema = z.object({
  name: text,
  image: z.string().nullish(),
  imagePullPolicy: z.string().nullish(),
});

const volumeSchema = z.object({
  name: text,
  image: z.object({ reference: z.string().nullish(), pullPolicy: z.string().nullish() }).nullish(),
});

export const podSpecSchema = z.object({
  initContainers: listOf(containerSchema).nullish(),
  containers: listOf(containerSchema).nullish(),
  ephemeralContainers: listOf(containerSchema).nullish(),
  volumes: listOf(volumeSchema).nullish(),
  imagePullSecrets: listOf(z.object({ name: text })).nullish(),
  serviceAccountName: z.string().nullish(),
  /** The deprecated spelling, still honoured by the API server. */
  serviceAccount: z.string().nullish(),
});
export type PodSpec = z.infer<typeof podSpecSchema>;

export const ownerReferenceSchema = z.object({
  apiVersion: text,
  kind: text,
  name: text,
  uid: text,
  controller: z.boolean().nullish(),
});

const metadataSchema = z.object({
  name: z.string().nullish(),
  generateName: z.string().nullish(),
  labels: z.record(z.string(), text).nullish(),
  annotations: z.record(z.string(), text).nullish(),
  ownerReferences: listOf(ownerReferenceSchema).nullish(),
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
