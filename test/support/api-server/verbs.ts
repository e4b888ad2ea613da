import { z } from 'zod';
import { jsonReply, type ReceivedRequest, type Reply } from '../answering.ts';
import { type KubernetesObject, kubernetesObject, type Objects } from './objects.ts';
import { patched } from './patch.ts';
import { represent, representList } from './representation.ts';
import type { Resource } from './resources.ts';
import type { Target, Verb } from './route.ts';
import { meetsFieldSelector, meetsLabelSelector } from './selectors.ts';
import { badRequest, failedPrecondition } from './status.ts';

/** Executes the request; throws a StatusError if it can't. */
export function perform(verb: Verb, target: Target, objects: Objects, request: ReceivedRequest): Reply {
  const { resource, namespace, name = '' } = target;
  const { headers, query } = request;
  const dryRun = query.getAll('dryRun').includes('All');
  const one = (status: number, object: KubernetesObject) =>
    jsonReply(status, represent(resource, object, headers.accept));
  switch (verb) {
    case 'get':
      return one(200, objects.get(resource, namespace, name));
    case 'list':
      return list(target, objects, request);
    case 'create':
      return one(201, objects.create(resource, sentObject(target, request), dryRun));
    case 'update':
      return one(200, objects.update(resource, sentObject(target, request), dryRun));
    case 'patch':
      return one(200, patch(target, objects, request, dryRun));
    case 'delete':
      return remove(target, objects, request, dryRun);
  }
}

function list({ resource, namespace }: Target, objects: Objects, { headers, query }: ReceivedRequest): Reply {
  const all = objects
    .list(resource, namespace)
    .filter((object) => meetsLabelSelector(object, query.get('labelSelector') ?? ''))
    .filter((object) => meetsFieldSelector(object, query.get('fieldSelector') ?? ''));
  // the token is opaque to clients; here it is the number of items before
  const start = Number(query.get('continue') ?? 0);
  const limit = Number(query.get('limit') ?? 0);
  const end = limit > 0 ? start + limit : all.length;
  const page = {
    resourceVersion: objects.resourceVersion,
    ...(end < all.length && { continue: String(end), remainingItemCount: all.length - end }),
    items: all.slice(start, end),
  };
  return jsonReply(200, representList(resource, page, headers.accept));
}

/** The body of a POST or PUT, checked against the URL. */
function sentObject({ resource, namespace, name }: Target, { body }: ReceivedRequest): KubernetesObject {
  const object = parseObject(json(body));
  const { apiVersion, kind = resource.kind, metadata } = object;
  if (kind !== resource.kind) {
    throw badRequest(`${kind} in version "${apiVersion}" cannot be handled as a ${resource.kind}`);
  }
  if (metadata.namespace !== undefined && metadata.namespace !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  if (name !== undefined && metadata.name !== name) {
    throw badRequest(
      `the name of the object (${metadata.name}) does not match the name on the URL (${name})`,
    );
  }
  return { ...object, metadata: { ...metadata, ...(namespace !== undefined && { namespace }) } };
}

function patch(
  { resource, namespace, name = '' }: Target,
  objects: Objects,
  { headers, body }: ReceivedRequest,
  dryRun: boolean,
): KubernetesObject {
  const current = objects.get(resource, namespace, name);
  const mediaType = headers['content-type']?.split(';')[0];
  const object = parseObject(patched(current, json(body), mediaType));
  // if the patch has an outdated resourceVersion, the update fails with a conflict
  return objects.update(resource, object, dryRun);
}

const deleteOptions = z.looseObject({
  preconditions: z
    .looseObject({ uid: z.string().optional(), resourceVersion: z.string().optional() })
    .optional(),
});

function remove(
  { resource, namespace, name = '' }: Target,
  objects: Objects,
  { body }: ReceivedRequest,
  dryRun: boolean,
): Reply {
  const { metadata } = objects.get(resource, namespace, name);
  const { preconditions } = deleteOptions.parse(body.length > 0 ? json(body) : {});
  if (preconditions) checkPreconditions(resource, name, preconditions, metadata);
  if (!dryRun) objects.delete(resource, namespace, name);
  const details = { name, group: resource.group || undefined, kind: resource.name, uid: metadata.uid };
  return jsonReply(200, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details });
}

interface Identity {
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
}

function checkPreconditions(resource: Resource, name: string, wanted: Identity, found: Identity): void {
  if (wanted.uid !== undefined && wanted.uid !== found.uid) {
    const explanation =
      `the UID in the precondition (${wanted.uid}) does not match the UID in record (${found.uid}). ` +
      'The object might have been deleted and then recreated';
    throw failedPrecondition(resource, name, explanation);
  }
  if (wanted.resourceVersion !== undefined && wanted.resourceVersion !== found.resourceVersion) {
    const explanation =
      `the ResourceVersion in the precondition (${wanted.resourceVersion}) does not match the ` +
      `ResourceVersion in record (${found.resourceVersion}). The object might have been modified`;
    throw failedPrecondition(resource, name, explanation);
  }
}

function parseObject(value: unknown): KubernetesObject {
  const object = kubernetesObject.safeParse(value);
  if (!object.success) throw badRequest(`the object provided is not valid: ${object.error.message}`);
  return object.data;
}

function json(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch (error) {
    throw badRequest(`the object provided is unrecognized: json parse error: ${error}`);
  }
}
