import { z } from 'zod';
import { defaultPullPolicy } from './pull-policy.ts';

const container = z.looseObject({
  name: z.string(),
  image: z.string().optional(),
  imagePullPolicy: z.string().optional(),
});

const podSpec = z.looseObject({
  containers: z.array(container).default([]),
  initContainers: z.array(container).optional(),
  ephemeralContainers: z.array(container).optional(),
  volumes: z
    .array(
      z.looseObject({
        name: z.string(),
        image: z
          .looseObject({ reference: z.string().optional(), pullPolicy: z.string().optional() })
          .optional(),
      }),
    )
    .optional(),
  serviceAccountName: z.string().optional(),
});

const metadata = z.looseObject({
  name: z.string().optional(),
  generateName: z.string().optional(),
  namespace: z.string().optional(),
  labels: z.record(z.string(), z.string()).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
});

/** A Pod with the fields that concern images; other fields are kept. */
export const podSchema = z.looseObject({
  apiVersion: z.string().default('v1'),
  kind: z.string().default('Pod'),
  metadata: metadata.default({}),
  spec: podSpec,
});

export type PodInput = z.input<typeof podSchema>;
export type Pod = z.output<typeof podSchema>;
type PodSpec = z.output<typeof podSpec>;
type Container = z.output<typeof container>;

/** The pod with the API server's defaults that concern images: pull policies and the ServiceAccount. */
export function withDefaults(pod: PodInput): Pod {
  const { spec, ...rest } = podSchema.parse(structuredClone(pod));
  const serviceAccountName = spec.serviceAccountName ?? 'default';
  const serviceAccount = { serviceAccountName, serviceAccount: serviceAccountName };
  return { ...rest, spec: { ...specWithDefaults(spec), ...serviceAccount } };
}

function specWithDefaults(spec: PodSpec): PodSpec {
  const { containers, initContainers, ephemeralContainers, volumes } = spec;
  return {
    ...spec,
    containers: containers.map(containerWithDefaults),
    ...(initContainers && { initContainers: initContainers.map(containerWithDefaults) }),
    ...(ephemeralContainers && { ephemeralContainers: ephemeralContainers.map(containerWithDefaults) }),
    ...(volumes && {
      volumes: volumes.map((volume) =>
        volume.image === undefined
          ? volume
          : {
              ...volume,
              image: { pullPolicy: defaultPullPolicy(volume.image.reference ?? ''), ...volume.image },
            },
      ),
    }),
  };
}

export function containerWithDefaults(container: Container): Container {
  return {
    ...container,
    imagePullPolicy: container.imagePullPolicy || defaultPullPolicy(container.image ?? ''),
  };
}

/** An object's pod template, if it has one at `spec.template`, with the same default pull policies. */
export function templateWithDefaults(object: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const templated = z.looseObject({ spec: z.looseObject({ template: z.looseObject({ spec: podSpec }) }) });
  const { success, data } = templated.safeParse(structuredClone(object));
  if (!success) return { ...object };
  const { template } = data.spec;
  return {
    ...data,
    spec: { ...data.spec, template: { ...template, spec: specWithDefaults(template.spec) } },
  };
}
