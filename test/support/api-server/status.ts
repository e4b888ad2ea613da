import { jsonReply, type Reply } from '../answering.ts';
import { qualifiedName, type Resource } from './resources.ts';
import type { Target, Verb } from './route.ts';

/** A refusal with its Status object, with the API server's messages (of Kubernetes 1.37). */
export class StatusError extends Error {
  readonly reply: Reply;

  constructor(code: number, reason: string, message: string, details?: object) {
    super(message);
    this.name = 'StatusError';
    this.reply = jsonReply(code, {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message,
      reason,
      details,
      code,
    });
  }
}

export function notFound(resource: Resource, name: string): StatusError {
  return new StatusError(
    404,
    'NotFound',
    `${qualifiedName(resource)} "${name}" not found`,
    details(resource, name),
  );
}

export function alreadyExists(resource: Resource, name: string): StatusError {
  const message = `${qualifiedName(resource)} "${name}" already exists`;
  return new StatusError(409, 'AlreadyExists', message, details(resource, name));
}

export function conflict(resource: Resource, name: string): StatusError {
  const message =
    `Operation cannot be fulfilled on ${qualifiedName(resource)} "${name}": the object has been modified; ` +
    'please apply your changes to the latest version and try again';
  return new StatusError(409, 'Conflict', message, details(resource, name));
}

/** A DELETE whose precondition fails. Its message names the kind, not the resource. */
export function failedPrecondition({ kind }: Resource, name: string, explanation: string): StatusError {
  const message = `Operation cannot be fulfilled on ${kind} "${name}": ${explanation}`;
  return new StatusError(409, 'Conflict', message, { name, kind });
}

/** RBAC's refusal. */
export function forbidden(user: string, verb: Verb, { resource, namespace, name }: Target): StatusError {
  const object = name === undefined ? qualifiedName(resource) : `${qualifiedName(resource)} "${name}"`;
  const where = namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  const message =
    `${object} is forbidden: User "${user}" cannot ${verb} resource "${resource.name}" ` +
    `in API group "${resource.group}" ${where}`;
  return new StatusError(403, 'Forbidden', message, details(resource, name));
}

export function unauthorized(): StatusError {
  return new StatusError(401, 'Unauthorized', 'Unauthorized');
}

export function badRequest(message: string): StatusError {
  return new StatusError(400, 'BadRequest', message);
}

/** A patch that doesn't fit: the API server doesn't say why. */
export function unfitPatch(): StatusError {
  const message = 'the server rejected our request due to an error in our request';
  return new StatusError(422, 'Invalid', message, {});
}

export function missingName({ kind }: Resource): StatusError {
  const problem = 'Required value: name or generateName is required';
  return new StatusError(422, 'Invalid', `${kind} "" is invalid: metadata.name: ${problem}`, {
    kind,
    causes: [{ reason: 'FieldValueRequired', message: problem, field: 'metadata.name' }],
  });
}

export function unsupportedMediaType(): StatusError {
  return new StatusError(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {});
}

export function methodNotAllowed(): StatusError {
  const message = 'the server does not allow this method on the requested resource';
  return new StatusError(405, 'MethodNotAllowed', message, {});
}

export function unknownPath(): StatusError {
  return new StatusError(404, 'NotFound', 'the server could not find the requested resource', {});
}

function details(resource: Resource, name: string | undefined): object {
  const group = resource.group === '' ? undefined : resource.group;
  return { name, group, kind: resource.name };
}
