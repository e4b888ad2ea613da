import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { HttpMethod, RequestContext } from '@kubernetes/client-node/dist/gen/http/http.js';
import type { Dispatcher } from 'undici';
import { whyUnreadable } from '../system-error.ts';
import { InvalidKubeconfig } from './error.ts';

/** What a request is sent with: a dispatcher that trusts the API server's CA and keeps connections, and headers. */
export interface Access {
  dispatcher: Dispatcher | undefined;
  headers: Record<string, string>;
}

/** The API server's address and the client's credentials, from a kubeconfig or from the pod's own ServiceAccount. */
export interface Connection {
  /** The API server's address, without a slash at the end. */
  server: string;
  /** The cluster's name in the kubeconfig; undefined in a pod. */
  cluster: string | undefined;
  /** The context's namespace, or the pod's own; `default` if there is neither. */
  namespace: string;
  /** The current credentials: ask for each request, because service account tokens rotate. */
  access(): Promise<Access>;
  /** Has later requests open a new connection, because one by this access failed. Requests under way go on. */
  renew(failed: Access): void;
  close(): Promise<void>;
}

/** Tokens are read again at least this often; the kubelet renews them long before they expire. */
const ACCESS_LIFETIME_MS = 60_000;
/** Where the API server is away, connections are renewed no more often than this. */
const RENEWAL_PAUSE_MS = 1_000;

export interface ConnectOptions {
  kubeconfig?: string;
  context?: string;
}

/**
 * Finds the API server as kubectl does: by the given kubeconfig, `KUBECONFIG`, `~/.kube/config`, or in a pod by its
 * ServiceAccount.
 *
 * The client library makes a new connection pool for every request that it authenticates. An access is kept for a minute, so
 * that requests share its connections.
 *
 * @throws InvalidKubeconfig
 */
export function connect({ kubeconfig, context }: ConnectOptions = {}): Connection {
  const config = load(kubeconfig);
  if (context !== undefined) {
    if (config.getContextObject(context) === null) {
      const known = config.getContexts().map(({ name }) => `"${name}"`);
      throw new InvalidKubeconfig(
        `the kubeconfig has no context "${context}"; ${known.length > 0 ? `it has ${known.join(', ')}` : 'add it'}`,
      );
    }
    config.setCurrentContext(context);
  }
  const server = config.getCurrentCluster()?.server.replace(/\/+$/, '');
  if (server === undefined) {
    throw new InvalidKubeconfig('the kubeconfig names no cluster; set its current-context');
  }
  if (server === NOWHERE && config.getCurrentContext() === NO_CONTEXT) {
    throw new InvalidKubeconfig(
      'there is no kubeconfig, and this is no pod; give --kubeconfig, set KUBECONFIG, or write ~/.kube/config',
    );
  }

  let current: Opening | undefined;
  const open = (): Opening => {
    const previous = current?.opened;
    const opening: Opening = { access: authenticate(config, server), since: performance.now() };
    opening.access.then(
      (access) => {
        opening.opened = access;
        void previous?.dispatcher?.close();
      },
      () => {
        if (current === opening) current = undefined;
      },
    );
    return opening;
  };
  return {
    server,
    cluster: nameOf(config),
    namespace: config.getContextObject(config.getCurrentContext())?.namespace ?? 'default',
    access() {
      if (current === undefined || performance.now() - current.since >= ACCESS_LIFETIME_MS) current = open();
      return current.access;
    },
    renew(failed) {
      if (current?.opened !== failed || performance.now() - current.since < RENEWAL_PAUSE_MS) return;
      current = open();
    },
    async close() {
      const access = await current?.access.catch(() => undefined);
      current = undefined;
      await access?.dispatcher?.close();
    },
  };
}

/** The client library's own name for the cluster of its pod: `loadFromCluster` in its src/config.ts. */
const OWN_CLUSTER = 'inCluster';

function nameOf(config: KubeConfig): string | undefined {
  const name = config.getCurrentCluster()?.name;
  return name === OWN_CLUSTER ? undefined : name;
}

interface Opening {
  readonly access: Promise<Access>;
  opened?: Access;
  /** By `performance.now()`. */
  readonly since: number;
}

/** The library's fallback if it has found no kubeconfig: `loadFromDefault` in its src/config.ts. */
const NOWHERE = 'http://localhost:8080';
const NO_CONTEXT = 'loaded-context';

function load(kubeconfig: string | undefined): KubeConfig {
  const config = new KubeConfig();
  try {
    if (kubeconfig === undefined) config.loadFromDefault();
    else config.loadFromFile(kubeconfig);
    return config;
  } catch (cause) {
    const path = kubeconfig ?? (cause instanceof Error && 'path' in cause ? cause.path : undefined);
    const which = typeof path === 'string' ? `kubeconfig ${path}` : 'the kubeconfig';
    const why = whyUnreadable(cause);
    if (why !== undefined) {
      const remedy = kubeconfig === undefined ? 'correct KUBECONFIG' : 'correct the path';
      throw new InvalidKubeconfig(`${which} can't be read: ${why}; ${remedy}`, { cause });
    }
    // The parser's message quotes the file, which contains credentials, but not in its first line.
    const [said] = (cause instanceof Error ? cause.message : String(cause)).split('\n');
    throw new InvalidKubeconfig(
      `${which} can't be read: ${said}; correct --kubeconfig, KUBECONFIG or the file itself`,
      { cause },
    );
  }
}

async function authenticate(config: KubeConfig, server: string): Promise<Access> {
  const context = new RequestContext(server, HttpMethod.GET);
  await config.applySecurityAuthentication(context);
  return { dispatcher: context.getDispatcher(), headers: context.getHeaders() };
}
