import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { HttpMethod, RequestContext } from '@kubernetes/client-node/dist/gen/http/http.js';
import type { Dispatcher } from 'undici';
import { whyUnreadable } from '../system-error.ts';
import { InvalidKubeconfig } from './error.ts';

/** How to reach the API server as whom: an address, a dispatcher that trusts its CA, and headers. */
export interface Access {
  dispatcher: Dispatcher | undefined;
  headers: Record<string, string>;
}

/** Where the API server is and who is asking, taken from a kubeconfig or from the pod's own ServiceAccount. */
export interface Connection {
  /** The API server's address, without a slash at the end. */
  server: string;
  /** The namespace that the context names, or the pod's own; `default` if neither says. */
  namespace: string;
  /** Credentials of the moment: service account tokens rotate, so ask for each request. */
  access(): Promise<Access>;
  close(): Promise<void>;
}

/** Tokens are re-read at least this often; the kubelet renews them long before they expire. */
const ACCESS_LIFETIME_MS = 60_000;

export interface ConnectOptions {
  kubeconfig?: string;
  context?: string;
}

/**
 * Finds the API server the way kubectl does: the given kubeconfig, `KUBECONFIG`, `~/.kube/config`, and in a pod
 * its ServiceAccount.
 *
 * The client library makes a new connection pool for every request it authenticates; keeping one for a minute
 * lets requests share connections.
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

  let current: { access: Promise<Access>; until: number } | undefined;
  return {
    server,
    namespace: config.getContextObject(config.getCurrentContext())?.namespace ?? 'default',
    access() {
      if (current === undefined || current.until <= Date.now()) {
        const previous = current?.access;
        const access = authenticate(config, server);
        current = { access, until: Date.now() + ACCESS_LIFETIME_MS };
        access.then(
          async () => void (await previous?.catch(() => undefined))?.dispatcher?.close(),
          () => {
            if (current?.access === access) current = undefined;
          },
        );
      }
      return current.access;
    },
    async close() {
      const access = await current?.access.catch(() => undefined);
      current = undefined;
      await access?.dispatcher?.close();
    },
  };
}

/** What the library falls back to when it has found nothing: `loadFromDefault` of its src/config.ts. */
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
    // The parser's words quote the file, and that holds credentials: the first of their lines doesn't.
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
