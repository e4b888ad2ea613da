import type { ReceivedRequest, Reply } from '../answering.ts';
import type { Access, Action } from './access.ts';
import type { Authorize } from './authorization.ts';
import { answerBlob } from './blobs.ts';
import { errorReply } from './errors.ts';
import { answerManifest } from './manifests.ts';
import type { Repositories } from './repository.ts';
import { answerTags } from './tags.ts';
import type { Uploads } from './uploads.ts';

/** The parts that the API's routes use. */
export interface RegistryState {
  readonly repositories: Repositories;
  readonly uploads: Uploads;
  readonly authorize: Authorize;
}

const nameGrammar = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const referenceGrammar = /^(?:\w[\w.-]{0,127}|sha256:[0-9a-f]{64})$/;

type Route = (name: string, last: string, request: ReceivedRequest) => Reply;

/** Answers a request for anything below `/v2/`. */
export function answerApi(state: RegistryState, request: ReceivedRequest): Reply {
  const reply = route(state, request);
  return { ...reply, headers: { 'Docker-Distribution-API-Version': 'registry/2.0', ...reply.headers } };
}

function route(state: RegistryState, request: ReceivedRequest): Reply {
  if (request.path === '/v2/' || request.path === '/v2') {
    const body = { status: 200, headers: { 'Content-Type': 'application/json' }, body: '{}' };
    return state.authorize(request, []) ?? body;
  }
  for (const [pattern, answer] of routes(state)) {
    const [, name, last = ''] = pattern.exec(request.path) ?? [];
    if (name === undefined) continue;
    // distribution answers a plain 404 here; the specification has a code for it
    if (!nameGrammar.test(name) || name.length > 255) return errorReply('NAME_INVALID', { detail: { name } });
    return state.authorize(request, accessNeeded(name, request)) ?? answer(name, last, request);
  }
  return notFound;
}

const notFound: Reply = {
  status: 404,
  headers: { 'Content-Type': 'text/plain' },
  body: '404 page not found\n',
};

/** The last segments of a path count, because a repository may be called `a/blobs/b`. */
function routes({ repositories, uploads }: RegistryState): [RegExp, Route][] {
  return [
    [/^\/v2\/(.+)\/blobs\/uploads\/?$/, (name, _, request) => uploads.start(name, request)],
    [/^\/v2\/(.+)\/blobs\/uploads\/([^/]+)$/, (name, id, request) => uploads.resume(name, id, request)],
    [
      /^\/v2\/(.+)\/blobs\/([^/]+)$/,
      (name, digest, request) => answerBlob(repositories, name, digest, request),
    ],
    [
      /^\/v2\/(.+)\/manifests\/([^/]+)$/,
      (name, reference, request) =>
        referenceGrammar.test(reference) ? answerManifest(repositories, name, reference, request) : notFound,
    ],
    [/^\/v2\/(.+)\/tags\/list$/, (name, _, request) => answerTags(repositories, name, request)],
  ];
}

const actionsOf: Readonly<Record<string, readonly Action[]>> = {
  GET: ['pull'],
  HEAD: ['pull'],
  DELETE: ['delete'],
};

function accessNeeded(name: string, { method, query }: ReceivedRequest): Access[] {
  const needed = { repository: name, actions: actionsOf[method] ?? ['pull', 'push'] };
  const mountedFrom = query.get('from');
  return mountedFrom === null ? [needed] : [needed, { repository: mountedFrom, actions: ['pull'] }];
}
