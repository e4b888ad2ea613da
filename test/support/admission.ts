import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { type Resource, resourceOfKind } from './api-server/resources.ts';
import { applyJsonPatch, jsonPatch } from './json-patch.ts';
import { type Pod, type PodInput, podSchema, templateWithDefaults, withDefaults } from './pod.ts';

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE';

export interface ReviewOptions {
  /** CREATE if not given, UPDATE if there is an old object. */
  readonly operation?: Operation;
  /** By default the object's own, else `default`. */
  readonly namespace?: string;
  /** `ephemeralcontainers` */
  readonly subResource?: string;
  /** The user; by default a cluster administrator. */
  readonly username?: string;
  readonly groups?: readonly string[];
  readonly dryRun?: boolean;
}

export interface PodReviewOptions extends ReviewOptions {
  readonly oldPod?: PodInput;
}

export interface ObjectReviewOptions extends ReviewOptions {
  readonly oldObject?: Readonly<Record<string, unknown>>;
}

/** The AdmissionReview that the API server would send for a pod. */
export function podReview(pod: PodInput, options: PodReviewOptions = {}): AdmissionReview {
  const { oldPod, ...rest } = options;
  return review(withDefaults(pod), oldPod && withDefaults(oldPod), rest);
}

/** The same for any kind that the embedded API server knows: revisions, workloads. */
export function objectReview(
  object: Readonly<Record<string, unknown>>,
  options: ObjectReviewOptions = {},
): AdmissionReview {
  const { oldObject, ...rest } = options;
  return review(templateWithDefaults(object), oldObject && templateWithDefaults(oldObject), rest);
}

const identified = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z
    .looseObject({
      name: z.string().optional(),
      namespace: z.string().optional(),
      uid: z.string().optional(),
      creationTimestamp: z.unknown().optional(),
    })
    .default({}),
});

type Identified = z.output<typeof identified>;

function review(object: unknown, old: unknown, options: ReviewOptions) {
  const given = identified.parse(object);
  const { operation = old === undefined ? 'CREATE' : 'UPDATE', dryRun = false } = options;
  const resource = resourceOfKind(given.apiVersion, given.kind);
  const namespace = resource.namespaced
    ? (options.namespace ?? given.metadata.namespace ?? 'default')
    : undefined;
  const previous = old === undefined ? undefined : identified.parse(old);
  // one object before and after
  const uid = given.metadata.uid ?? previous?.metadata.uid ?? randomUUID();
  return {
    kind: 'AdmissionReview',
    apiVersion: 'admission.k8s.io/v1',
    request: {
      uid: randomUUID(),
      ...asked(resource, options.subResource),
      // a generated name doesn't exist yet
      ...(given.metadata.name !== undefined && { name: given.metadata.name }),
      ...(namespace !== undefined && { namespace }),
      operation,
      userInfo: {
        username: options.username ?? 'admin',
        groups: [...(options.groups ?? ['system:masters', 'system:authenticated'])],
      },
      object:
        operation === 'DELETE' ? null : placed(given, namespace, operation === 'CREATE' ? undefined : uid),
      oldObject: operation === 'CREATE' ? null : placed(previous ?? given, namespace, uid),
      dryRun,
      options: {
        kind: optionsKinds[operation],
        apiVersion: 'meta.k8s.io/v1',
        ...(dryRun && { dryRun: ['All'] }),
      },
    },
  };
}

export type AdmissionReview = ReturnType<typeof review>;

const optionsKinds = { CREATE: 'CreateOptions', UPDATE: 'UpdateOptions', DELETE: 'DeleteOptions' } as const;

/** The kind and resource, both as registered for and as requested. Here they never differ. */
function asked({ group, version, kind, name }: Resource, subResource: string | undefined) {
  const gvk = { group, version, kind };
  const gvr = { group, version, resource: name };
  return {
    kind: gvk,
    resource: gvr,
    ...(subResource !== undefined && { subResource }),
    requestKind: gvk,
    requestResource: gvr,
    ...(subResource !== undefined && { requestSubResource: subResource }),
  };
}

/** The object in its namespace; one with a uid also gets the other fields that storing sets. */
function placed(object: Identified, namespace: string | undefined, uid: string | undefined): Identified {
  const { uid: _, creationTimestamp = '2026-01-01T00:00:00Z', ...metadata } = object.metadata;
  return {
    ...object,
    metadata: {
      ...metadata,
      ...(namespace !== undefined && { namespace }),
      ...(uid !== undefined && { uid, creationTimestamp }),
    },
  };
}

const admissionResponse = z.looseObject({
  response: z.looseObject({
    allowed: z.boolean(),
    status: z.looseObject({ message: z.string().optional() }).optional(),
    patchType: z.literal('JSONPatch').optional(),
    patch: z.base64().optional(),
  }),
});

/**
 * Applies a webhook's response (the AdmissionReview that came back) to an object, as the API server does: throws if it
 * denies or its patch doesn't fit, else returns the patched copy.
 */
export function applyResponse(object: unknown, reviewed: unknown): unknown {
  const { allowed, status, patch, patchType } = admissionResponse.parse(reviewed).response;
  if (!allowed)
    throw new Error(`admission webhook denied the request: ${status?.message ?? 'without explanation'}`);
  if ((patch === undefined) !== (patchType === undefined)) {
    throw new Error('patch and patchType are given both or neither');
  }
  if (patch === undefined) return structuredClone(object);
  const decoded = Buffer.from(patch, 'base64').toString();
  return applyJsonPatch(object, jsonPatch.parse(JSON.parse(decoded)));
}

/** The same for a pod. */
export function applyPatch(pod: PodInput | Pod, reviewed: unknown): Pod {
  return podSchema.parse(applyResponse(pod, reviewed));
}
