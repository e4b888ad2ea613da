import { z } from 'zod';
import { InvalidKubeconfig } from '../error.ts';
import { InvalidYaml, readGoYaml } from './go-yaml.ts';

/*
 * The kubeconfig's fields as client-go decodes them (tools/clientcmd/api/v1/types.go): null is the zero value, types aren't
 * converted, unknown fields don't count, and names are case-sensitive.
 */

const text = z
  .string()
  .nullish()
  .transform((value) => value ?? '');
const flag = z
  .boolean()
  .nullish()
  .transform((value) => value ?? false);
const listOf = <T extends z.ZodType>(item: T) =>
  z
    .array(item)
    .nullish()
    .transform((items) => items ?? []);
/** A Go struct: null, or nothing, has all its zero values. */
const struct = <T extends z.core.$ZodShape>(shape: T) => {
  const object = z.object(shape);
  return object.nullish().transform((value) => value ?? object.parse({}));
};

/** Bytes, which are base64 with padding; line breaks in it don't count (encoding/base64). */
const bytes = text
  .refine((value) => isBase64(value.replace(/[\r\n]/g, '')), 'Invalid input: expected base64')
  .transform((value) => Buffer.from(value, 'base64'));

const isBase64 = (value: string) => value.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(value);

const extension = struct({ name: text, extension: z.unknown() });

const cluster = struct({
  server: text,
  'tls-server-name': text,
  'insecure-skip-tls-verify': flag,
  'certificate-authority': text,
  'certificate-authority-data': bytes,
  'proxy-url': text,
  'disable-compression': flag,
  extensions: listOf(extension),
});

const exec = struct({
  command: text,
  args: listOf(text),
  env: listOf(struct({ name: text, value: text })),
  apiVersion: text,
  installHint: text,
  provideClusterInfo: flag,
  interactiveMode: text,
});

const authProvider = struct({
  name: text,
  config: z
    .record(z.string(), text)
    .nullish()
    .transform((value) => value ?? {}),
});

const user = struct({
  'client-certificate': text,
  'client-certificate-data': bytes,
  'client-key': text,
  'client-key-data': bytes,
  token: text,
  tokenFile: text,
  as: text,
  'as-uid': text,
  'as-groups': listOf(text),
  'as-user-extra': z
    .record(z.string(), listOf(text))
    .nullish()
    .transform((value) => value ?? {}),
  username: text,
  password: text,
  'auth-provider': authProvider.nullish(),
  exec: exec.nullish(),
});

const context = struct({ cluster: text, user: text, namespace: text });

const file = struct({
  apiVersion: text.refine((value) => value === '' || value === 'v1', 'Invalid input: expected v1'),
  kind: text.refine((value) => value === '' || value === 'Config', 'Invalid input: expected Config'),
  clusters: listOf(struct({ name: text, cluster })),
  users: listOf(struct({ name: text, user })),
  contexts: listOf(struct({ name: text, context })),
  'current-context': text,
});

export type ClusterEntry = z.infer<typeof cluster>;
export type UserEntry = z.infer<typeof user>;
export type ContextEntry = z.infer<typeof context>;
export type ExecEntry = z.infer<typeof exec>;
export type AuthProviderEntry = z.infer<typeof authProvider>;

/** What kubeconfig files say, by name. */
export interface Kubeconfig {
  readonly currentContext: string;
  readonly clusters: ReadonlyMap<string, ClusterEntry>;
  readonly users: ReadonlyMap<string, UserEntry>;
  readonly contexts: ReadonlyMap<string, ContextEntry>;
}

/**
 * The content of one file. Its relative paths are left as they are.
 *
 * @param path for messages
 * @throws InvalidKubeconfig
 */
export function parseKubeconfig(content: Uint8Array, path: string): Kubeconfig {
  const { 'current-context': currentContext, clusters, users, contexts } = decode(content, path);
  return {
    currentContext,
    clusters: byName('clusters', clusters, ({ cluster }) => cluster, path),
    users: byName('users', users, ({ user }) => user, path),
    contexts: byName('contexts', contexts, ({ context }) => context, path),
  };
}

function decode(content: Uint8Array, path: string): z.infer<typeof file> {
  try {
    const decoded = file.safeParse(readGoYaml(content));
    if (decoded.success) return decoded.data;
    // The parser's messages name types, and never quote values, which may be credentials.
    const [issue] = decoded.error.issues;
    const where = issue === undefined || issue.path.length === 0 ? '' : `${keyPath(issue.path)}: `;
    const what = (issue?.message ?? '').replace('Invalid input: ', '');
    throw new InvalidKubeconfig(`kubeconfig ${path} is invalid: ${where}${what}; correct the file`);
  } catch (error) {
    if (!(error instanceof InvalidYaml)) throw error;
    throw new InvalidKubeconfig(`kubeconfig ${path} can't be read: ${error.message}; correct the file`, {
      cause: error,
    });
  }
}

/** `users[0].user.token`. */
const keyPath = (path: readonly PropertyKey[]) =>
  path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '');

function byName<Item extends { name: string }, Entry>(
  list: string,
  items: readonly Item[],
  entryOf: (item: Item) => Entry,
  path: string,
): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const item of items) {
    if (entries.has(item.name)) {
      throw new InvalidKubeconfig(
        `kubeconfig ${path} is invalid: ${list} has two entries called "${item.name}"; rename or remove one`,
      );
    }
    entries.set(item.name, entryOf(item));
  }
  return entries;
}

/** Nothing, as an absent file says. */
export const emptyKubeconfig: Kubeconfig = {
  currentContext: '',
  clusters: new Map(),
  users: new Map(),
  contexts: new Map(),
};

/** The zero values, which a missing entry has. */
export const emptyCluster: ClusterEntry = cluster.parse({});
export const emptyUser: UserEntry = user.parse({});
