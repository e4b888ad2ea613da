import { type Fault, type ReceivedRequest, startAnswering } from '../answering.ts';
import type { Listener, ListenOptions } from '../listen.ts';
import { type LoggedRequest, RequestLog } from '../request-log.ts';
import { type AccessOptions, AccessRules } from './access.ts';
import { type Authorize, authorizeBasic, authorizeBearer } from './authorization.ts';
import type { Image } from './image.ts';
import { Repositories } from './repository.ts';
import { answerApi } from './routes.ts';
import { defaultExpiresIn, TokenEndpoint, type TokenEndpointOptions } from './token-endpoint.ts';
import { Tokens } from './tokens.ts';
import { Uploads } from './uploads.ts';

export interface RegistryOptions extends ListenOptions, AccessOptions {
  /** By default everyone may do everything. */
  readonly auth?: BasicAuth | BearerAuth;
}

export interface BasicAuth {
  readonly scheme: 'basic';
  readonly realm?: string;
}

export interface BearerAuth extends TokenEndpointOptions {
  readonly scheme: 'bearer';
  readonly service?: string;
  /** The token endpoint is another server, on its own port. */
  readonly separateTokenServer?: boolean;
}

/** An OCI distribution registry in this process's memory. */
export interface Registry extends Listener {
  readonly requests: RegistryRequests;
  /** The token server's address, if there is one. */
  readonly realm: string | undefined;
  /** Requests get this instead of the registry's answer, until it is unset. */
  fault: Fault | ((request: ReceivedRequest) => Fault | undefined) | undefined;
  /** Stores the image, without HTTP, and sets or moves the tag; without a tag, by its digest alone. */
  push(repository: string, tag: string | undefined, image: Image): string;
  /** The digest that a tag points to. */
  digest(repository: string, tag: string): string | undefined;
  /** Deletes a tag, or a digest with all its tags. False if there was none. */
  delete(repository: string, reference: string): boolean;
  revokeTokens(): void;
}

/** The log of the registry and of its token server. */
export class RegistryRequests extends RequestLog {
  /** Requests for manifests, of one repository if given. */
  manifests(repository = ''): LoggedRequest[] {
    const start = repository === '' ? '/v2/' : `/v2/${repository}/manifests/`;
    return this.entries.filter(({ path }) => path.startsWith(start) && path.includes('/manifests/'));
  }

  tokens(): LoggedRequest[] {
    return this.entries.filter(({ path }) => path === tokenPath);
  }
}

const tokenPath = '/token';

export async function startRegistry(options: RegistryOptions = {}): Promise<Registry> {
  const { auth } = options;
  const requests = new RegistryRequests();
  const repositories = new Repositories();
  const uploads = new Uploads(repositories);
  const rules = new AccessRules(options);
  const bearer = auth?.scheme === 'bearer' ? auth : undefined;
  const tokens = new Tokens(bearer?.expiresIn ?? defaultExpiresIn);
  const endpoint = new TokenEndpoint(rules, tokens, bearer ?? {});

  let authorize: Authorize = () => undefined;
  let fault: Registry['fault'];
  const common = {
    ...options,
    log: requests,
    faultFor: (request: ReceivedRequest) => (typeof fault === 'function' ? fault(request) : fault),
  };
  const listener = await startAnswering({
    ...common,
    answer: (request) =>
      bearer && !bearer.separateTokenServer && request.path === tokenPath
        ? endpoint.answer(request)
        : answerApi({ repositories, uploads, authorize }, request),
  });
  const separate = bearer?.separateTokenServer
    ? await startAnswering({ ...common, answer: (request) => endpoint.answer(request) })
    : undefined;
  const realm = bearer && `${(separate ?? listener).url}${tokenPath}`;
  // known only now: the challenge has the token server's port
  if (auth?.scheme === 'basic') authorize = authorizeBasic(rules, auth.realm ?? 'registry');
  else if (realm) authorize = authorizeBearer(tokens, { realm, service: bearer?.service ?? listener.host });

  const close = async () => {
    await Promise.all([listener.close(), separate?.close()]);
  };
  return {
    ...listener,
    requests,
    realm,
    get fault() {
      return fault;
    },
    set fault(value) {
      fault = value;
    },
    push(repository, tag, image) {
      const digest = repositories.at(repository).add(image);
      if (tag !== undefined) repositories.at(repository).tag(tag, digest);
      return digest;
    },
    digest: (repository, tag) => repositories.find(repository)?.tagged(tag),
    delete: (repository, reference) => repositories.find(repository)?.delete(reference) ?? false,
    revokeTokens: () => tokens.revokeAll(),
    close,
    [Symbol.asyncDispose]: close,
  };
}
