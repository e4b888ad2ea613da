/** What is presented to, and asked of, the other end of a TLS connection. */
export interface TlsSettings {
  /** PEM of further CAs that its certificate may be signed by. */
  readonly ca?: readonly string[];
  /** PEM of client certificates, each with its key at the same place of `key`. */
  readonly cert?: readonly string[];
  readonly key?: readonly string[];
  /** Its certificate isn't checked at all. */
  readonly insecure?: boolean;
}

/** What a host may be used for, in containerd's words: to find what a tag stands for takes both. */
export const capabilities = ['pull', 'resolve'] as const;
export type Capability = (typeof capabilities)[number];

/** A host that is asked before the registry itself. */
export interface Mirror {
  /** The root of its API, with a slash at the end. */
  readonly root: URL;
  readonly capabilities: readonly Capability[];
  /** Whether it is shown the credentials that are meant for the registry. */
  readonly sendCredentials: boolean;
  /** Left out: what is configured for its host as a registry. */
  readonly tls?: TlsSettings;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What the configuration says of one registry host. */
export interface RegistrySettings {
  /** Speak plain HTTP to it. Left out: only if it is on the loopback interface and nothing is said of TLS. */
  readonly plainHttp?: boolean | undefined;
  readonly tls?: TlsSettings | undefined;
  readonly mirrors?: readonly Mirror[] | undefined;
  /** Prefixes of repositories that an ECR pull-through cache fills. */
  readonly pullThrough?: readonly string[] | undefined;
  /** Asked in place of the registry itself, after the mirrors (containerd's `server`). */
  readonly root?: URL | undefined;
  /** Of the registry itself; left out: all. */
  readonly capabilities?: readonly Capability[] | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** What the configuration says of registries. */
export interface Registries {
  /** By host, with the port where images write one: `registry.example.com:5000`. */
  readonly settings: ReadonlyMap<string, RegistrySettings>;
  /** Of hosts that have no settings of their own (containerd's `_default`). */
  readonly otherwise?: RegistrySettings | undefined;
}
