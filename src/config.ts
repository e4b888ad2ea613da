import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { certificateFiles } from './config/certificate-files.ts';
import { joinConfigs, readConfigFiles } from './config/config-files.ts';
import { dockerConfigPath } from './config/docker-config.ts';
import { Files } from './config/files.ts';
import { readHostsDirectory } from './config/hosts-directory.ts';
import { InvalidConfig } from './config/invalid-config.ts';
import { keyPath } from './config/key-path.ts';
import { registries } from './config/registries.ts';
import { size } from './config/size.ts';
import { clouds } from './credentials/cloud/hosts.ts';
import { parseDuration } from './duration.ts';
import { modes } from './pin/mode.ts';
import { logLevels } from './telemetry/log.ts';

/** Whole milliseconds between two durations. */
const duration = (least: string, most: string) =>
  z.union([z.string(), z.number()]).transform((value, context) => {
    const milliseconds = typeof value === 'string' ? parseDuration(value) : undefined;
    const [from = 0, to = 0] = [parseDuration(least), parseDuration(most)];
    if (milliseconds !== undefined && milliseconds >= from && milliseconds <= to)
      return Math.round(milliseconds);
    context.addIssue({ code: 'custom', message: `write a duration from ${least} to ${most}, such as 30s` });
    return z.NEVER;
  });

const portHint = 'write a port number from 1 to 65535';
const port = z.int(portHint).min(1, portHint).max(65535, portHint);

const certsDirectory = z
  .string()
  .min(1)
  .superRefine((root, context) => {
    const { problems } = readHostsDirectory(root, new Files());
    for (const message of problems) context.addIssue({ code: 'custom', message });
  });

/** The configuration file. Every key has a default, and so has the file. */
const configSchema = z.strictObject({
  log: z.strictObject({ level: z.enum(logLevels).default('info') }).prefault({}),
  webhook: z
    .strictObject({
      /** Port of the webhook itself, TLS. */
      port: port.default(8443),
      /** Port of /healthz, /readyz and /metrics, plain HTTP. */
      healthPort: port.default(8080),
      /** Names of tagpin's own objects, as the manifests have them. */
      service: z.string().min(1).default('tagpin'),
      secret: z.string().min(1).default('tagpin-certificate'),
      webhookConfiguration: z.string().min(1).default('tagpin'),
      /** How long a pod that is shutting down goes on serving, so that nobody calls it any more when it closes. */
      drain: duration('0s', '10m').prefault('20s'),
      /** A certificate that somebody else renews, such as cert-manager, and tells the API server of. */
      certificate: certificateFiles.optional(),
      /** What reviews that are under way may hold in memory, by the size of their bodies. One of the largest fits in. */
      inFlight: size('8Mi', '4Gi').prefault('64Mi'),
    })
    .prefault({}),
  pin: z
    .strictObject({
      /** `nginx:1.27@sha256:…` instead of `nginx@sha256:…`. */
      keepTag: z.boolean().default(false),
      /** `keep` leaves imagePullPolicy alone, which the AlwaysPullImages admission plugin needs. */
      pullPolicy: z.enum(['IfNotPresent', 'keep']).default('IfNotPresent'),
      /** Globs of images to leave alone: registries, repositories or whole images. */
      skip: z.array(z.string().min(1)).default([]),
      /** The modes in which a pod's annotation tagpin.dev/skip counts. */
      skipAnnotation: z.array(z.enum(modes)).default([...modes]),
    })
    .prefault({}),
  cache: z
    .strictObject({
      /** How many digests are kept. */
      entries: z.int().min(1).max(10_000_000).default(10_000),
      /** How long a digest is believed to be the tag's. */
      age: duration('1ms', '168h').prefault('60s'),
      /** How long a registry's no (not found, refused, denied) is taken for an answer, more or less; 0s: not at all. */
      negativeAge: duration('0s', '5m').prefault('5s'),
      /** How long beyond its age a digest may stand in while its registry is down; 0s: not at all. */
      staleAge: duration('0s', '168h').prefault('0s'),
    })
    .prefault({}),
  /** For each registry. */
  limits: z
    .strictObject({
      /** How many resolves are with it at once. */
      concurrency: z.int().min(1).max(10_000).default(16),
      /** How many may wait for that; those beyond fail at once. */
      queue: z.int().min(0).max(100_000).default(500),
    })
    .prefault({}),
  registries: registries.default({}),
  /** A node's registry configuration, `/etc/containerd/certs.d`; `registries` counts before it. */
  certsDirectory: certsDirectory.optional(),
  /** Images may not name registries at internal addresses, except those of `registries` and `certsDirectory`. */
  denyPrivateRegistries: z.boolean().default(false),
  credentials: z
    .strictObject({
      /**
       * The clouds to log in to as tagpin itself. All by default, because every kubelet in a cloud has its
       * node's credentials there for every pod; one that tagpin has no identity in costs nothing until an image
       * of its registries comes along, and then one look for an identity.
       */
      cloud: z.array(z.enum(clouds)).default([...clouds]),
    })
    .prefault({}),
  /** A docker config with credentials of tagpin's own, tried after a pod's pull secrets. */
  dockerConfig: dockerConfigPath.optional(),
});
export type Config = z.infer<typeof configSchema>;

/**
 * Reads the configuration: a file, or a folder whose `*.yaml` count together; without one, everything has its default.
 *
 * @throws InvalidConfig
 */
export function loadConfig(path: string | undefined): Config {
  if (path === undefined) return configSchema.parse({});
  const files = readFiles(path);
  const said = files.map(({ file, text }) => {
    const value = parseYaml(text, file);
    // On its own first, so that a mistake is told with the file it is in.
    parse(value, file);
    return { file, value };
  });
  const { value, problems } = joinConfigs(said);
  if (problems.length > 0) throw new InvalidConfig(path, problems);
  return parse(value, path);
}

function readFiles(path: string) {
  try {
    return readConfigFiles(path);
  } catch (cause) {
    throw new InvalidConfig(path, [
      `it can't be read: ${cause instanceof Error ? cause.message : String(cause)}`,
    ]);
  }
}

/** @throws InvalidConfig */
export function parseConfig(text: string, file: string): Config {
  return parse(parseYaml(text, file), file);
}

function parse(value: unknown, file: string): Config {
  const parsed = configSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new InvalidConfig(file, parsed.error.issues.flatMap(problemsOf));
}

function parseYaml(text: string, file: string): unknown {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    throw new InvalidConfig(
      file,
      document.errors.map(({ pos, message }) => `line ${lines.linePos(pos[0]).line}: ${message}`),
    );
  }
  return withoutNulls(document.toJS({ maxAliasCount: 100 })) ?? {};
}

/** A key without a value, as with all below it commented out, is one that isn't there. */
function withoutNulls(value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value ?? undefined;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, part]) => (part === null ? [] : [[key, withoutNulls(part)]])),
  );
}

function problemsOf(issue: z.core.$ZodIssue): string[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map(
      (key) => `${keyPath([...issue.path, key])}: no such key; remove it or correct its name`,
    );
  }
  return [`${keyPath(issue.path) || 'the file'}: ${issue.message}`];
}
