import type { z } from 'zod';
import { type Fault, jsonReply, type Outcome, type ReceivedRequest, startAnswering } from './answering.ts';
import { type Attributes, isAccessReview, reviewAccess } from './api-server/access-review.ts';
import { writeKubeconfig } from './api-server/kubeconfig.ts';
import { type KubernetesObject, kubernetesObject, Objects } from './api-server/objects.ts';
import { discovery } from './api-server/representation.ts';
import { resourceOfKind, resources } from './api-server/resources.ts';
import { parsePath, type Target, type Verb, verbOf } from './api-server/route.ts';
import { forbidden, methodNotAllowed, StatusError, unauthorized, unknownPath } from './api-server/status.ts';
import { perform } from './api-server/verbs.ts';
import { createAuthority } from './authority.ts';
import type { Listener, ListenOptions } from './listen.ts';
import { type LoggedRequest, RequestLog } from './request-log.ts';
import { keepSecret } from './secrets/record.ts';

export interface ApiServerOptions extends ListenOptions {
  /** The certificate authority that the kubeconfig trusts. */
  readonly caPem?: string;
  /** Any other bearer token, or none, gets 401. If not given, everyone is authenticated. */
  readonly token?: string;
  /** The user in RBAC's messages. */
  readonly user?: string;
  /** Answers access reviews; by default everyone may do everything. */
  readonly mayDo?: (what: Attributes) => boolean;
}

/** Which requests fail, and how. A field that isn't set matches everything. */
export interface FaultRule {
  /** Plural: `secrets`. */
  readonly resource?: string;
  readonly verbs?: readonly Verb[];
  readonly namespace?: string;
  readonly name?: string;
  /** `forbidden` is RBAC's refusal with its own message; a Fault may delay, hang, reset or reply. */
  readonly effect: 'forbidden' | Fault;
}

/** A Kubernetes API server in this process's memory. No watches, no controllers, no admission. */
export interface ApiServer extends Listener {
  readonly requests: ApiRequests;
  /** Stores an object without HTTP, replacing one of that name. It needs apiVersion, kind and name. */
  put(object: z.input<typeof kubernetesObject>): KubernetesObject;
  /** The stored object; the kind alone is enough if the table has only one resource of it. */
  find(kind: string, namespace: string | undefined, name: string): KubernetesObject | undefined;
  /** Deletes an object without HTTP, if it exists. */
  remove(kind: string, namespace: string | undefined, name: string): void;
  /** Makes matching requests fail until the returned function is called. The first matching rule counts. */
  fail(rule: FaultRule): () => void;
  writeKubeconfig(path: string): Promise<void>;
}

/** The log of an API server. */
export class ApiRequests extends RequestLog {
  /** Requests of a resource (plural), with these verbs if any are named. */
  of(resource: string, ...verbs: readonly Verb[]): LoggedRequest[] {
    return this.entries.filter(({ method, path }) => {
      const target = parsePath(decodeURIComponent(path));
      const verb = target && verbOf(method, target);
      return target?.resource.name === resource && (verbs.length === 0 || (verb && verbs.includes(verb)));
    });
  }
}

export async function startApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const { caPem, token, user = 'system:serviceaccount:tagpin-system:tagpin', mayDo = () => true } = options;
  if (token !== undefined) keepSecret(token);
  const requests = new ApiRequests();
  const objects = new Objects();
  const rules = new Set<FaultRule>();

  const ruleFor = (request: ReceivedRequest): FaultRule | undefined => {
    const target = parsePath(request.path);
    const verb = target && verbOf(request.method, target);
    return target && verb && [...rules].find((rule) => isMet(rule, target, verb));
  };
  const answer = (request: ReceivedRequest): Outcome => {
    if (token !== undefined && request.headers.authorization !== `Bearer ${token}`) throw unauthorized();
    const listed = discovery(request.path);
    if (listed !== undefined) return jsonReply(200, listed);
    const target = parsePath(request.path);
    if (target === undefined) throw unknownPath();
    const verb = verbOf(request.method, target);
    if (verb === undefined || isWatch(request)) throw methodNotAllowed();
    if (ruleFor(request)?.effect === 'forbidden') throw forbidden(user, verb, target);
    if (isAccessReview(target.resource.group)) return reviewAccess(request, mayDo);
    return perform(verb, target, objects, request);
  };
  const listener = await startAnswering({
    ...options,
    log: requests,
    faultFor: (request) => {
      const effect = ruleFor(request)?.effect;
      return effect === 'forbidden' ? undefined : effect;
    },
    answer: (request) => {
      try {
        return answer(request);
      } catch (error) {
        if (error instanceof StatusError) return error.reply;
        throw error;
      }
    },
  });

  return {
    ...listener,
    requests,
    put(input) {
      const object = kubernetesObject.parse(JSON.parse(JSON.stringify(input)));
      return objects.put(resourceOfKind(object.apiVersion ?? '', object.kind ?? ''), object);
    },
    find(kind, namespace, name) {
      const resource = resources.find((candidate) => candidate.kind === kind);
      return resource && objects.find(resource, namespace, name);
    },
    remove(kind, namespace, name) {
      const resource = resources.find((candidate) => candidate.kind === kind);
      if (resource !== undefined) objects.delete(resource, namespace, name);
    },
    fail(rule) {
      rules.add(rule);
      return () => rules.delete(rule);
    },
    writeKubeconfig: (path) => writeKubeconfig(path, { url: listener.url, caPem, token }),
  };
}

/** A realistic API server: TLS with its own CA, and bearer token authentication. */
export async function startSecureApiServer(
  options: Pick<ApiServerOptions, 'mayDo'> = {},
): Promise<ApiServer> {
  const { caPem, issue } = await createAuthority();
  return startApiServer({ ...options, tls: await issue(['127.0.0.1']), caPem, token: 'let-me-in' });
}

function isWatch({ query }: ReceivedRequest): boolean {
  return ['true', '1'].includes(query.get('watch') ?? '');
}

function isMet({ resource, verbs, namespace, name }: FaultRule, target: Target, verb: Verb): boolean {
  return (
    (resource ?? target.resource.name) === target.resource.name &&
    (verbs?.includes(verb) ?? true) &&
    (namespace === undefined || namespace === target.namespace) &&
    (name === undefined || name === target.name)
  );
}
