import type { RegistryFailure } from '../../src/registry/failures.ts';
import type { Image } from '../../test/support/registry/image.ts';
import {
  type RegistryOptions,
  startRegistry as startEmbedded,
} from '../../test/support/registry/registry.ts';
import type { Programs } from '../machine/binaries.ts';
import { basic } from '../support/account.ts';
import { startGitea } from '../support/gitea.ts';
import { push } from '../support/push.ts';
import { debianRegistry, type Registry, startCraneRegistry, startRegistry } from '../support/registry.ts';
import { startTokenServer } from '../support/token-server.ts';

/** May pull and push everything, at registries with accounts. */
export const reader = { username: 'ada', password: 'e2e-secret' };
/** Has an account, at registries with several, but may read only what is public. */
export const stranger = { username: 'eve', password: 'e2e-secret' };

/** A running registry, on loopback and over plain HTTP. */
export interface Running extends AsyncDisposable {
  readonly host: string;
  /** The host that issues its tokens, if it is another. */
  readonly tokenServer?: string;
  push(repository: string, tag: string, image: Image): Promise<void>;
}

/** The access to a repository, by its prefix: only `reader` may read `team/`. */
export type Namespace = 'team' | 'everyone';

/** A registry under test. */
export interface TriedRegistry {
  readonly title: string;
  /** The kinds of access that it distinguishes: only with `team` does it have accounts. */
  readonly namespaces: readonly Namespace[];
  /** The registry's answer to `stranger` for a repository of the team, if it has such an account. */
  readonly toStranger?: RegistryFailure;
  start(folder: string, programs: Programs): Promise<Running>;
}

const access = {
  users: [
    { name: reader.username, password: reader.password, pull: ['*'], push: ['*'] },
    { name: stranger.username, password: stranger.password },
  ],
  public: ['everyone/*'],
};

async function startOurs(auth: RegistryOptions['auth'] & {}): Promise<Running> {
  const { host, push, close } = await startEmbedded({ ...access, auth });
  return {
    host,
    push: async (repository, tag, image) => void push(repository, tag, image),
    [Symbol.asyncDispose]: close,
  };
}

async function running(starting: Promise<Registry>, authorization?: string): Promise<Running> {
  const { address: host, stop } = await starting;
  return {
    host,
    push: (repository, tag, image) =>
      push({ host, ...(authorization && { authorization }) }, repository, tag, image),
    [Symbol.asyncDispose]: stop,
  };
}

/** A distribution registry with a token server that decides on access. */
async function withTokens(binary: string, directory: string): Promise<Running> {
  const name = 'e2e registry';
  const tokens = await startTokenServer(name, access);
  const { address: host, stop } = await startRegistry({ binary, directory, tokens, name });
  return {
    host,
    tokenServer: tokens.host,
    push: (repository, tag, image) =>
      push({ host, authorization: `Bearer ${tokens.pushToken(repository)}` }, repository, tag, image),
    async [Symbol.asyncDispose]() {
      await stop();
      await tokens[Symbol.asyncDispose]();
    },
  };
}

export const registries: readonly TriedRegistry[] = [
  {
    // Without public repositories: crane logs in before it requests one, while tagpin, like containerd, does so only if challenged.
    title: 'the registry of the tests, with Basic authentication',
    namespaces: ['team'],
    toStranger: 'denied',
    start: () => startOurs({ scheme: 'basic' }),
  },
  {
    title: 'the registry of the tests, with tokens',
    namespaces: ['team', 'everyone'],
    toStranger: 'unauthorized',
    start: () => startOurs({ scheme: 'bearer' }),
  },
  {
    title: 'distribution v3',
    namespaces: ['everyone'],
    start: (directory, { registry }) => running(startRegistry({ binary: registry, directory })),
  },
  {
    title: 'distribution v3, with tokens',
    namespaces: ['team', 'everyone'],
    toStranger: 'unauthorized',
    start: (directory, { registry }) => withTokens(registry, directory),
  },
  {
    title: "Debian's docker-registry 2.8, with an htpasswd file",
    namespaces: ['team'],
    start: (directory) =>
      running(startRegistry({ binary: debianRegistry, directory, auth: reader }), basic(reader)),
  },
  {
    title: "Debian's docker-registry 2.8, with tokens",
    namespaces: ['team', 'everyone'],
    toStranger: 'unauthorized',
    start: (directory) => withTokens(debianRegistry, directory),
  },
  {
    title: "go-containerregistry's own",
    namespaces: ['everyone'],
    start: (directory, { crane }) => running(startCraneRegistry(crane, directory)),
  },
  {
    // Its challenge offers Bearer and Basic at once.
    title: 'Gitea',
    namespaces: ['team', 'everyone'],
    toStranger: 'unauthorized',
    start: (directory, { gitea }) =>
      running(
        startGitea({
          binary: gitea,
          directory,
          owner: reader,
          stranger,
          organizations: { team: 'private', everyone: 'public' },
        }),
        basic(reader),
      ),
  },
];
