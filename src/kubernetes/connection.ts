import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { HttpMethod, RequestContext } from '@kubernetes/client-node/dist/gen/http/http.js';
import type { Dispatcher } from 'undici';

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

/**
 * Finds the API server the way kubectl does: the given kubeconfig, `KUBECONFIG`, `~/.kube/config`, and in a pod
 * its ServiceAccount.
 *
 * The client library makes a new connection pool for every request it authenticates; keeping one for a minute
 * lets requests share connections.
 */
export function connect(options: { kubeconfig?: string; context?: string } = {}): Connection {
  const config = new KubeConfig();
  if (options.kubeconfig === undefined) config.loadFromDefault();
  else config.loadFromFile(options.kubeconfig);
  if (options.context !== undefined) {
    if (config.getContextObject(options.context) === null) {
      throw new Error(`the kubeconfig has no context "${options.context}"`);
    }
    config.setCurrentContext(options.context);
  }
  const server = config.getCurrentCluster()?.server.replace(/\/+$/, '');
  if (server === undefined) throw new Error('the kubeconfig names no cluster; set its current-context');

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

async function authenticate(config: KubeConfig, server: string): Promise<Access> {
  const context = new RequestContext(server, HttpMethod.GET);
  await config.applySecurityAuthentication(context);
  return { dispatcher: context.getDispatcher(), headers: context.getHeaders() };
}
