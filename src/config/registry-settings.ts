import type { Rewrite } from './rewrite.ts';

/** The certificates for a TLS connection to a host. */
export interface TlsSettings {
  /** PEM of additional CAs to trust. */
  readonly ca?: readonly string[];
  /** PEM of client certificates, each with its key at the same index of `key`. */
  readonly cert?: readonly string[];
  readonly key?: readonly string[];
  /** The host's certificate isn't verified. */
  readonly insecure?: boolean;
}

/** containerd's capabilities of a host. To resolve a tag needs both. */
export const capabilities = ['pull', 'resolve'] as const;
export type Capability = (typeof capabilities)[number];

/** A host to ask before the registry itself. */
export interface Mirror {
  /** The root of its API, with a slash at the end. */
  readonly root: URL;
  readonly capabilities: readonly Capability[];
  /** Whether to send it the registry's credentials. */
  readonly sendCredentials: boolean;
  /** By default that of its host as a registry. */
  readonly tls?: TlsSettings;
  readonly headers?: Readonly<Record<string, string>>;
  /** How it calls repositories. */
  readonly rewrites?: readonly Rewrite[];
}

/** The settings of one registry host. */
export interface RegistrySettings {
  /** Use plain HTTP. By default only on the loopback interface, and only without `tls`. */
  readonly plainHttp?: boolean | undefined;
  readonly tls?: TlsSettings | undefined;
  readonly mirrors?: readonly Mirror[] | undefined;
  /** Prefixes of repositories that an ECR pull-through cache serves. */
  readonly pullThrough?: readonly string[] | undefined;
  /** The API root to use instead of the registry's own, after the mirrors (containerd's `server`). */
  readonly root?: URL | undefined;
  /** Of the registry itself; by default all. */
  readonly capabilities?: readonly Capability[] | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** How the host calls repositories. */
  readonly rewrites?: readonly Rewrite[] | undefined;
}

/** The settings of all registries. */
export interface Registries {
  /** By host, with its port if images name one: `registry.example.com:5000`. */
  readonly settings: ReadonlyMap<string, RegistrySettings>;
  /** For hosts without settings of their own (containerd's `_default`). */
  readonly defaults?: RegistrySettings | undefined;
}
