import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { DockerConfigFile } from './credentials/docker-config-file.ts';
import { CredentialError } from './credentials/source.ts';
import { parseDuration } from './duration.ts';
import { modes } from './pin/mode.ts';
import { logLevels } from './telemetry/log.ts';

const duration = z.union([z.string(), z.number()]).transform((value, context) => {
  const milliseconds = typeof value === 'string' ? parseDuration(value) : undefined;
  if (milliseconds !== undefined) return milliseconds;
  context.addIssue({ code: 'custom', message: 'write a duration, such as 30s or 5m' });
  return z.NEVER;
});

const port = z.int().min(1).max(65535);

const registry = z
  .strictObject({
    plainHttp: z.boolean().optional(),
    caFile: z.string().min(1).optional(),
  })
  .transform(({ caFile, ...settings }, context) => {
    const ca = caFile === undefined ? undefined : readCa(caFile);
    if (caFile === undefined || ca !== undefined) return { ...settings, ca };
    context.addIssue({
      code: 'custom',
      path: ['caFile'],
      message: 'the file must be there and hold certificates in PEM',
    });
    return z.NEVER;
  });

const dockerConfigPath = z
  .string()
  .min(1)
  .superRefine((path, context) => {
    try {
      new DockerConfigFile(path);
    } catch (error) {
      if (!(error instanceof CredentialError)) throw error;
      context.addIssue({ code: 'custom', message: `${error.message}; ${error.remedy}` });
    }
  });

const host = z
  .string()
  .regex(/^[^/\s]+$/, 'write a host, with its port if images write one, and no scheme or path');

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
      drain: duration.prefault('20s'),
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
      age: duration.prefault('60s').refine((age) => age > 0, 'write a duration above 0'),
    })
    .prefault({}),
  /** By host, with the port where images write one. */
  registries: z.record(host, registry).default({}),
  /** A docker config with credentials of tagpin's own, tried after a pod's pull secrets. */
  dockerConfig: dockerConfigPath.optional(),
});
export type Config = z.infer<typeof configSchema>;

/** Thrown for a configuration with mistakes: all of them, each with the path of its key. */
export class InvalidConfig extends Error {
  override readonly name = 'InvalidConfig';
  readonly problems: readonly string[];

  constructor(file: string, problems: readonly string[]) {
    super(`${file} is not a valid configuration:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

/**
 * Reads the configuration file; without one, everything has its default.
 *
 * @throws InvalidConfig
 */
export function loadConfig(file: string | undefined): Config {
  if (file === undefined) return configSchema.parse({});
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new InvalidConfig(file, [
      `it can't be read: ${cause instanceof Error ? cause.message : String(cause)}`,
    ]);
  }
  return parseConfig(text, file);
}

/** @throws InvalidConfig */
export function parseConfig(text: string, file: string): Config {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    throw new InvalidConfig(
      file,
      document.errors.map(({ pos, message }) => `line ${lines.linePos(pos[0]).line}: ${message}`),
    );
  }
  const parsed = configSchema.safeParse(document.toJS({ maxAliasCount: 100 }) ?? {});
  if (parsed.success) return parsed.data;
  throw new InvalidConfig(file, parsed.error.issues.flatMap(problems));
}

function problems(issue: z.core.$ZodIssue): string[] {
  const path = (keys: readonly PropertyKey[]) =>
    keys
      .map((key, index) =>
        /[.:]/.test(String(key)) ? `["${String(key)}"]` : `${index ? '.' : ''}${String(key)}`,
      )
      .join('');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map(
      (key) => `${path([...issue.path, key])}: no such key; remove it or correct its name`,
    );
  }
  return [`${path(issue.path) || 'the file'}: ${issue.code === 'invalid_key' ? hostProblem : issue.message}`];
}

const hostProblem = 'write a host, with its port if images write one, and no scheme or path';

function readCa(file: string): string | undefined {
  try {
    const pem = readFileSync(file, 'utf8');
    return pem.includes('-----BEGIN CERTIFICATE-----') ? pem : undefined;
  } catch {
    return undefined;
  }
}

/** What is taken from the environment. Nothing else reads it. */
export interface Environment {
  /** The namespace that tagpin itself runs in. */
  namespace: string;
  /** Where the credentials of whoever is at the command line may be; the first that is there counts. */
  dockerConfigs: readonly string[];
}

export function readEnvironment(environment: Readonly<Record<string, string | undefined>>): Environment {
  return {
    namespace: environment['POD_NAMESPACE'] || 'tagpin-system',
    dockerConfigs: dockerConfigs(environment),
  };
}

/**
 * As go-containerregistry (pkg/authn/keychain.go), but for one thing: what a variable names comes before any default.
 * DOCKER_CONFIG displaces docker's own folder, and where neither has a file Podman's counts.
 */
function dockerConfigs({
  DOCKER_CONFIG,
  REGISTRY_AUTH_FILE,
  XDG_RUNTIME_DIR,
  ...environment
}: Readonly<Record<string, string | undefined>>): string[] {
  const home = environment['HOME'] || environment['USERPROFILE'];
  return [
    ...(DOCKER_CONFIG ? [join(DOCKER_CONFIG, 'config.json')] : []),
    ...(REGISTRY_AUTH_FILE ? [REGISTRY_AUTH_FILE] : []),
    ...(home && !DOCKER_CONFIG ? [join(home, '.docker', 'config.json')] : []),
    ...(XDG_RUNTIME_DIR ? [join(XDG_RUNTIME_DIR, 'containers', 'auth.json')] : []),
  ];
}
