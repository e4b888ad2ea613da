import { request } from 'undici';
import { z } from 'zod';
import { parseJson } from '../json.ts';
import type { Connection } from './connection.ts';
import { KubernetesError } from './error.ts';

const metadata = z.object({
  name: z.string(),
  namespace: z.string().optional(),
  uid: z.string().optional(),
  resourceVersion: z.string().optional(),
});

const secret = z.object({
  metadata,
  type: z.string().default('Opaque'),
  /** Values are base64, as on the wire. */
  data: z.record(z.string(), z.string()).nullish(),
});
export type Secret = z.infer<typeof secret>;

const serviceAccount = z.object({
  metadata,
  imagePullSecrets: z.array(z.object({ name: z.string().default('') })).nullish(),
});
export type ServiceAccount = z.infer<typeof serviceAccount>;

const mutatingWebhookConfiguration = z.object({
  metadata,
  webhooks: z
    .array(z.object({ name: z.string(), clientConfig: z.object({ caBundle: z.string().optional() }) }))
    .nullish(),
});
export type MutatingWebhookConfiguration = z.infer<typeof mutatingWebhookConfiguration>;

/** One operation of a JSON patch (RFC 6902), as the API server takes it. */
export type PatchOperation =
  | { op: 'add' | 'replace' | 'test'; path: string; value: unknown }
  | { op: 'remove'; path: string };

/**
 * The few things tagpin asks of the API server. Each read answers `undefined` for what isn't there and throws
 * a {@link KubernetesError} for everything else that isn't the object.
 */
export interface KubernetesApi {
  readSecret(namespace: string, name: string, signal: AbortSignal): Promise<Secret | undefined>;
  readServiceAccount(
    namespace: string,
    name: string,
    signal: AbortSignal,
  ): Promise<ServiceAccount | undefined>;
  /** Fails with reason `Conflict` when the Secret has changed since `resourceVersion`. */
  patchSecret(namespace: string, name: string, patch: PatchOperation[], signal: AbortSignal): Promise<Secret>;
  readMutatingWebhookConfiguration(
    name: string,
    signal: AbortSignal,
  ): Promise<MutatingWebhookConfiguration | undefined>;
  patchMutatingWebhookConfiguration(
    name: string,
    patch: PatchOperation[],
    signal: AbortSignal,
  ): Promise<void>;
}

const core = (namespace: string, resource: string, name: string) =>
  `/api/v1/namespaces/${encodeURIComponent(namespace)}/${resource}/${encodeURIComponent(name)}`;
const webhookConfiguration = (name: string) =>
  `/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/${encodeURIComponent(name)}`;

/** The API server behind `connection`. */
export function createKubernetesApi(connection: Connection): KubernetesApi {
  const read = <T>(path: string, shape: z.ZodType<T>, signal: AbortSignal) =>
    call(connection, { method: 'GET', path, signal }, shape).catch((error: unknown) => {
      if (error instanceof KubernetesError && error.status === 404) return undefined;
      throw error;
    });
  const patch = <T>(path: string, body: PatchOperation[], shape: z.ZodType<T>, signal: AbortSignal) =>
    call(connection, { method: 'PATCH', path, body, signal }, shape);
  return {
    readSecret: (namespace, name, signal) => read(core(namespace, 'secrets', name), secret, signal),
    readServiceAccount: (namespace, name, signal) =>
      read(core(namespace, 'serviceaccounts', name), serviceAccount, signal),
    patchSecret: (namespace, name, body, signal) =>
      patch(core(namespace, 'secrets', name), body, secret, signal),
    readMutatingWebhookConfiguration: (name, signal) =>
      read(webhookConfiguration(name), mutatingWebhookConfiguration, signal),
    async patchMutatingWebhookConfiguration(name, body, signal) {
      await patch(webhookConfiguration(name), body, mutatingWebhookConfiguration, signal);
    },
  };
}

interface Call {
  method: 'GET' | 'PATCH';
  path: string;
  body?: PatchOperation[];
  signal: AbortSignal;
}

async function call<T>(
  connection: Connection,
  { method, path, body, signal }: Call,
  shape: z.ZodType<T>,
): Promise<T> {
  const { status, text } = await send(connection, { method, path, ...(body && { body }), signal });
  const json = parseJson(text);
  if (status >= 300) throw refusal(method, path, status, json);
  const object = shape.safeParse(json);
  if (object.success) return object.data;
  // The parser's own words could quote the object, and that may be a Secret: name the fields only.
  const fields = object.error.issues.map((issue) => issue.path.join('.')).join(', ');
  throw new KubernetesError(`${method} ${path}: the API server's answer has unexpected fields: ${fields}`, {
    status,
    reason: 'UnexpectedAnswer',
  });
}

async function send(connection: Connection, { method, path, body, signal }: Call) {
  try {
    const { dispatcher, headers } = await connection.access();
    const response = await request(`${connection.server}${path}`, {
      method,
      signal,
      headers: {
        ...headers,
        accept: 'application/json',
        'user-agent': 'tagpin',
        ...(body === undefined ? {} : { 'content-type': 'application/json-patch+json' }),
      },
      ...(dispatcher === undefined ? {} : { dispatcher }),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.statusCode, text: await response.body.text() };
  } catch (cause) {
    const why = signal.aborted ? 'no answer in time' : cause instanceof Error ? cause.message : String(cause);
    throw new KubernetesError(`${method} ${path}: ${why}`, { status: 0, reason: 'Unreachable', cause });
  }
}

const statusShape = z.object({ message: z.string().optional(), reason: z.string().optional() });

function refusal(method: string, path: string, status: number, json: unknown): KubernetesError {
  const answer = statusShape.safeParse(json);
  const { message, reason } = answer.success ? answer.data : {};
  return new KubernetesError(message ?? `${method} ${path}: ${status}`, {
    status,
    reason: reason ?? String(status),
  });
}
