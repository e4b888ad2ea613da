import type { Dispatcher } from 'undici';
import { proxyFor } from '../proxies.ts';
import { Authentication } from './authentication.ts';
import { noCredentials } from './error.ts';
import { type ClusterEnvironment, noEnvironment } from './kubeconfig/environment.ts';
import { findTarget, type Target } from './kubeconfig/target.ts';
import { authorityOf } from './pem-fields.ts';
import { openTransport } from './transport.ts';

/** What a request is sent with: a dispatcher that trusts the API server's CA and keeps connections, and headers. */
export interface Access {
  readonly dispatcher: Dispatcher;
  readonly headers: Readonly<Record<string, string | string[]>>;
}

/** The API server's address and the client's credentials, from a kubeconfig or from the pod's own ServiceAccount. */
export interface Connection {
  /** The API server's address, without a slash at the end. */
  server: string;
  /** The names of the context and its cluster in the kubeconfig; undefined for the pod's own cluster. */
  context: string | undefined;
  cluster: string | undefined;
  /** The context's namespace, or the pod's own; `default` if there is neither. */
  namespace: string;
  /** The current credentials: ask for each request, because service account tokens rotate. */
  access(): Promise<Access>;
  /** Has later requests open a new connection, because one by this access failed. Requests under way go on. */
  renew(failed: Access): void;
  /** Has later requests get new credentials, because the API server has refused those of this access. */
  refused(access: Access): void;
  close(): Promise<void>;
}

/** Tokens are read again at least this often; the kubelet renews them long before they expire. */
const ACCESS_LIFETIME_MS = 60_000;
/** Where the API server is away, connections are renewed no more often than this. */
const RENEWAL_PAUSE_MS = 1_000;

export interface ConnectOptions {
  kubeconfig?: string;
  context?: string;
  environment?: ClusterEnvironment;
}

/**
 * Finds the API server as kubectl does: by the given kubeconfig, `KUBECONFIG`, `~/.kube/config`, or in a pod by its
 * ServiceAccount.
 *
 * An access is kept for a minute, so that requests share its connections.
 *
 * @throws InvalidKubeconfig
 */
export function connect({
  kubeconfig,
  context,
  environment = noEnvironment,
}: ConnectOptions = {}): Connection {
  const target = findTarget({ kubeconfig, context }, environment);
  const authentication = new Authentication(target, environment.variables);

  let current: Opening | undefined;
  const open = (): Opening => {
    const previous = current?.opened;
    const opening: Opening = {
      access: openAccess(target, authentication, environment),
      since: performance.now(),
    };
    opening.access.then(
      (access) => {
        opening.opened = access;
        void previous?.dispatcher.close();
      },
      () => {
        if (current === opening) current = undefined;
      },
    );
    return opening;
  };
  return {
    server: target.server.url,
    context: target.context,
    cluster: target.clusterName,
    namespace: target.namespace,
    access() {
      if (current === undefined || isOver(current)) current = open();
      return current.access;
    },
    renew(failed) {
      if (current?.opened !== failed || performance.now() - current.since < RENEWAL_PAUSE_MS) return;
      current = open();
    },
    refused(access) {
      if (current?.opened !== access || performance.now() - current.since < RENEWAL_PAUSE_MS) return;
      authentication.refused();
      current.isRefused = true;
    },
    async close() {
      const access = await current?.access.catch(() => undefined);
      current = undefined;
      await access?.dispatcher.close();
    },
  };
}

interface Opening {
  readonly access: Promise<OpenedAccess>;
  opened?: OpenedAccess;
  /** By `performance.now()`. */
  readonly since: number;
  isRefused?: boolean;
}

interface OpenedAccess extends Access {
  /** When its credentials expire; milliseconds since 1970. */
  readonly expires: number | undefined;
}

const isOver = ({ since, opened, isRefused }: Opening) =>
  isRefused ||
  performance.now() - since >= ACCESS_LIFETIME_MS ||
  Date.now() > (opened?.expires ?? Number.POSITIVE_INFINITY);

/** Node.js writes a header's characters as bytes; Go writes UTF-8. */
function inUtf8(headers: Access['headers']): Access['headers'] {
  const bytes = (text: string) => Buffer.from(text, 'utf8').toString('latin1');
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      typeof value === 'string' ? bytes(value) : value.map(bytes),
    ]),
  );
}

/** @throws KubernetesError for credentials that can't be had */
async function openAccess(
  target: Target,
  authentication: Authentication,
  { proxies }: ClusterEnvironment,
): Promise<OpenedAccess> {
  const { server, cluster, clusterName = '' } = target;
  const { headers, certificate, expires } = await authentication.identity();
  if (
    Object.values(headers)
      .flat()
      .some((value) => /[\p{Cc}]/u.test(value))
  ) {
    throw noCredentials(
      `a token or a name of user "${target.userName ?? ''}" contains a line break or another control character`,
      'correct the kubeconfig',
    );
  }
  const isTls = server.url.startsWith('https:');
  const dispatcher = openTransport({
    // A pod reaches its own cluster directly: the variables of tagpin's deployment are for registries.
    proxy:
      target.context === undefined
        ? undefined
        : cluster['proxy-url'] || proxyFor(new URL(server.url), proxies),
    ca: isTls ? authorityOf(cluster, clusterName) : undefined,
    certificate,
    serverName: cluster['tls-server-name'],
    isInsecure: cluster['insecure-skip-tls-verify'],
  });
  return { dispatcher, headers: inUtf8(headers), expires };
}
