import { join, resolve } from 'node:path';
import { parse, TomlError } from 'smol-toml';
import { z } from 'zod';
import { remedyOf } from './invalid-config.ts';
import { keyPath } from './key-path.ts';
import { readCertificates, readKeyPair } from './pem.ts';
import type { Capability, Mirror, RegistrySettings, TlsSettings } from './registry-settings.ts';
import { parseRewrite, type Rewrite } from './rewrite.ts';
import type { TrackedFiles } from './tracked-files.ts';

/**
 * containerd's `hosts.toml`, read as containerd reads it (core/remotes/docker/config/hosts.go, `parseHostsFile`): unknown
 * keys are ignored, and so are those that have no meaning for manifests. Unlike in containerd, a file with a mistake in it is
 * reported. `rewrite` is k3s's.
 */

const strings = z.union(
  [z.string().transform((text) => [text]), z.array(z.string())],
  'write text, or a list of texts',
);

const PAIRS = 'write a file, or a list of pairs of a certificate and its key';

/** A pair of files, or one file that holds both. */
const pair = z.union(
  [z.string().transform((file): [string, string] => [file, file]), z.tuple([z.string(), z.string()])],
  PAIRS,
);

const headerName = z.string().regex(/^[\w!#$%&'*+\-.^`|~]+$/, 'write the name of a header');

const hostSchema = z.object({
  capabilities: z
    .array(
      z
        .string()
        .toLowerCase()
        .pipe(z.enum(['pull', 'resolve', 'push', 'referrers'])),
    )
    .default([])
    .transform((named): Capability[] =>
      named.length === 0
        ? ['pull', 'resolve']
        : named.filter((capability) => capability === 'pull' || capability === 'resolve'),
    ),
  ca: strings.default([]),
  client: z
    .union([z.string().transform((file): [string, string][] => [[file, file]]), z.array(pair)], PAIRS)
    .default([]),
  skip_verify: z.boolean().default(false),
  override_path: z.boolean().default(false),
  header: z
    .record(headerName, strings.pipe(z.array(z.string().regex(/^[^\p{Cc}]*$/u, 'write one line'))))
    .default({}),
  rewrite: z
    .record(z.string(), z.string('write what a match becomes'))
    .default({})
    .transform((rules, context) =>
      Object.entries(rules).flatMap(([expression, template]): Rewrite[] => {
        const rewrite = parseRewrite(expression, template);
        if (rewrite !== undefined) return [rewrite];
        context.addIssue({
          code: 'custom',
          path: [expression],
          message:
            'write a regular expression that tagpin knows too, because it decides which image is meant',
        });
        return [];
      }),
    ),
});
const fileSchema = hostSchema.extend({
  server: z.string().default(''),
  host: z.record(z.string(), hostSchema).default({}),
});

type HostTable = z.infer<typeof hostSchema>;
type KeyPath = readonly PropertyKey[];

/** The folder of a `hosts.toml`, and the reader of the files that it names. */
export interface HostsFolder {
  readonly path: string;
  readonly files: TrackedFiles;
}

/** The settings in a `hosts.toml`, and the problems, each with its key. */
export function parseHostsFile(
  text: string,
  folder: HostsFolder,
): { settings: RegistrySettings; problems: string[] } {
  let document: unknown;
  try {
    document = parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // After its first line the message quotes the file, which may hold secrets.
    const [message = ''] = error.message.split('\n');
    return { settings: {}, problems: [`line ${error.line}: ${message}`] };
  }
  const parsed = fileSchema.safeParse(document, { error: remedyOf });
  if (!parsed.success) {
    const problems = parsed.error.issues.map(
      ({ path, message }) => `${keyPath(path) || 'the file'}: ${message}`,
    );
    return { settings: {}, problems };
  }
  const problems: string[] = [];
  const wrong = (key: KeyPath, message: string) => {
    problems.push(`${keyPath(key)}: ${message}`);
  };
  const wrongFile = (key: KeyPath, file: string, problem: string) => wrong(key, `${file}: ${problem}`);
  const { server, host: hosts, ...own } = parsed.data;
  const mirrors = Object.entries(hosts).flatMap(([url, host]): Mirror[] => {
    const root = rootOf(url, host.override_path);
    if (root === undefined) wrong(['host', url], 'write a URL with a host');
    const tls = tlsOf(host, folder, ['host', url], wrongFile);
    if (root === undefined) return [];
    const { capabilities, rewrite: rewrites } = host;
    return [{ root, capabilities, sendCredentials: false, tls, headers: headersOf(host), rewrites }];
  });
  const root = server === '' ? undefined : rootOf(server, own.override_path);
  if (server !== '' && root === undefined) wrong(['server'], 'write a URL with a host');
  const { capabilities, rewrite: rewrites } = own;
  const tls = tlsOf(own, folder, [], wrongFile);
  return { settings: { mirrors, root, capabilities, tls, headers: headersOf(own), rewrites }, problems };
}

/** The API root for a host's URL; `/v2` is appended unless `override_path` is set. */
function rootOf(written: string, overridesPath: boolean): URL | undefined {
  const text = /^[a-z]+:\/\//i.test(written) ? written : `https://${written}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username + url.password !== '')
    return undefined;
  const path = url.pathname.replace(/\/+$/, '');
  return new URL(`${path}${overridesPath || path.endsWith('/v2') ? '' : '/v2'}/`, url);
}

function tlsOf(
  host: HostTable,
  { path: folder, files }: HostsFolder,
  at: KeyPath,
  wrong: (key: KeyPath, file: string, problem: string) => void,
): TlsSettings {
  const ca = host.ca.flatMap((file, index) => {
    const read = readCertificates(resolve(folder, file), files);
    if ('value' in read) return [read.value];
    wrong([...at, 'ca', index], file, read.problem);
    return [];
  });
  const pairs = host.client.flatMap(([certFile, keyFile], index) => {
    const read = readKeyPair(resolve(folder, certFile), resolve(folder, keyFile), files);
    if ('value' in read) return [read.value];
    for (const { of, problem } of read.problems) {
      wrong([...at, 'client', index], of === 'cert' ? certFile : keyFile, problem);
    }
    return [];
  });
  return {
    ...(ca.length > 0 && { ca }),
    ...(pairs.length > 0 && { cert: pairs.map(({ cert }) => cert), key: pairs.map(({ key }) => key) }),
    ...(host.skip_verify && { insecure: true }),
  };
}

const headersOf = ({ header }: HostTable) =>
  Object.fromEntries(Object.entries(header).map(([name, values]) => [name.toLowerCase(), values.join(', ')]));

/** docker's layout, without a `hosts.toml`: `*.crt` are CAs, `*.cert` client certificates, `*.key` their keys. */
export function readCertificateFiles(
  folder: HostsFolder,
  names: readonly string[],
): { settings: RegistrySettings; problems: string[] } {
  const ca = names.filter((name) => name.endsWith('.crt'));
  const client = names
    .filter((name) => name.endsWith('.cert'))
    .map((cert): [string, string] => {
      const key = cert.replace(/\.cert$/, '.key');
      return [cert, names.includes(key) ? key : cert];
    });
  const problems: string[] = [];
  const host = { ...hostSchema.parse({}), ca, client };
  const tls = tlsOf(host, folder, [], (_key, file, problem) => {
    problems.push(`${join(folder.path, file)}: ${problem}`);
  });
  return { settings: { tls }, problems };
}
