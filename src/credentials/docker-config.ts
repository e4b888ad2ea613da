import { z } from 'zod';
import { excerpt } from '../image/excerpt.ts';
import { parseJson } from '../json.ts';
import { normalizeKey } from './registry-key.ts';

/** One registry's entry in a docker config. */
export interface DockerConfigEntry {
  readonly username: string;
  readonly password: string;
  /** Docker and go-containerregistry read this; the kubelet doesn't. */
  readonly identityToken?: string;
  /** Docker and go-containerregistry read this; the kubelet doesn't. */
  readonly registryToken?: string;
}

/** The entries of a docker config by their keys as written, such as `https://index.docker.io/v1/`. */
export type DockerConfig = ReadonlyMap<string, DockerConfigEntry>;

/** The parts of a docker config that are about credentials, as docker and go-containerregistry read them. */
export interface DockerConfigContents {
  readonly auths: DockerConfig;
  /** By registry as written: the `NAME` of `docker-credential-NAME`; empty for no helper. */
  readonly credHelpers: ReadonlyMap<string, string>;
  /** The helper for all other registries; empty for none. */
  readonly credsStore: string;
}

/**
 * Not JSON; a value of the wrong type; an `auth` that isn't base64; an `auth` without a colon; an invalid name of a
 * credential helper.
 */
export type DockerConfigFault = 'json' | 'type' | 'base64' | 'colon' | 'helper';

/** Thrown for a docker config that can't be read. Names the fault and its place, and never quotes the content. */
export class InvalidDockerConfig extends Error {
  override readonly name = 'InvalidDockerConfig';
  readonly reason: DockerConfigFault;
  /** The registry of the invalid entry, if the fault is in an entry and its key is valid. */
  readonly registry: string | undefined;
  /** The fault without a remedy, which depends on whether the config is a Secret or a file. */
  readonly finding: string;

  /** Takes no cause: the errors of JSON.parse and of zod could quote a secret. */
  constructor(reason: DockerConfigFault, registry?: string) {
    const where = registry === undefined ? '' : ` (entry "${excerpt(registry)}")`;
    const finding = `invalid docker config${where}: ${FINDINGS[reason]}`;
    super(`${finding}; ${REMEDIES[reason]}`);
    this.reason = reason;
    this.registry = registry;
    this.finding = finding;
  }
}

const FINDINGS: Record<DockerConfigFault, string> = {
  json: 'it is not JSON',
  type: 'a value has the wrong type',
  base64: '"auth" is not base64',
  colon: '"auth" has no colon',
  helper: 'the name of a credential helper is invalid',
};

const CREATE_AGAIN = 'create the secret again, with kubectl create secret docker-registry';

const REMEDIES: Record<DockerConfigFault, string> = {
  json: CREATE_AGAIN,
  type: CREATE_AGAIN,
  base64: 'encode "user:password" in the standard alphabet, without spaces',
  colon: 'encode "user:password", not the password alone',
  helper: 'write letters, digits, ".", "_" and "-"',
};

/**
 * Reads the content of `.dockerconfigjson`, or of `~/.docker/config.json`, as the kubelet and
 * go-containerregistry do (kubernetes pkg/credentialprovider/config.go, go-containerregistry
 * pkg/authn/authn.go).
 *
 * @throws {InvalidDockerConfig}
 */
export function decodeDockerConfigJson(text: string): DockerConfig {
  return decodeEntries(check(dockerConfigJson, decodeJson(text)).auths);
}

/**
 * Reads a docker config file, in which credential helpers count too (docker/cli cli/config/configfile/file.go). A
 * helper's name becomes part of a program's name, so it is validated.
 *
 * @throws {InvalidDockerConfig}
 */
export function decodeDockerConfigFile(text: string): DockerConfigContents {
  const { auths, credHelpers, credsStore } = check(dockerConfigFile, decodeJson(text));
  for (const [registry, helper] of [...credHelpers, [undefined, credsStore] as const]) {
    if (!HELPER_NAME.test(helper))
      throw new InvalidDockerConfig('helper', registry && normalizeKey(registry));
  }
  return { auths: decodeEntries(auths), credHelpers: new Map(credHelpers), credsStore };
}

/** Empty for none. Otherwise without slashes, so that the program is looked up on the PATH. */
const HELPER_NAME = /^[A-Za-z0-9._-]*$/;

/**
 * Reads the content of `.dockercfg`, the older format, which has the entries alone.
 *
 * @throws {InvalidDockerConfig}
 */
export function decodeDockercfg(text: string): DockerConfig {
  return decodeEntries(check(members, decodeJson(text)));
}

/**
 * Reads one registry's entry. A non-empty `auth` replaces user name and password.
 *
 * @throws {InvalidDockerConfig}
 */
export function decodeEntry(value: unknown, registry?: string): DockerConfigEntry {
  const { username, password, auth, identitytoken, registrytoken } = check(entry, value, registry);
  return {
    ...(auth === '' ? { username, password } : decodeAuth(auth, registry)),
    ...(identitytoken !== '' && { identityToken: identitytoken }),
    ...(registrytoken !== '' && { registryToken: registrytoken }),
  };
}

/**
 * Reads `auth`: the base64 of `user:password`, split at the first colon. Base64 is Go's: the standard alphabet, padded or
 * not, with line breaks ignored. Bytes that aren't UTF-8 are lost, as on the way from the kubelet to the container
 * runtime.
 *
 * @throws {InvalidDockerConfig}
 */
export function decodeAuth(auth: string, registry?: string): { username: string; password: string } {
  const base64 = auth.replaceAll(/[\r\n]/g, '');
  const isWhole = base64.endsWith('=') ? base64.length % 4 === 0 : base64.length % 4 !== 1;
  if (!isWhole || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) throw new InvalidDockerConfig('base64', registry);
  const decoded = Buffer.from(base64, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  if (colon === -1) throw new InvalidDockerConfig('colon', registry);
  return { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

/** A map in Go. Unlike with `z.record`, a member named `__proto__` is an ordinary one. */
const members = z
  .custom<object>((value) => typeof value === 'object' && value !== null && !Array.isArray(value))
  .transform((object): [string, unknown][] => Object.entries(object));

/**
 * A struct as Go decodes it: names match in any case (by Unicode's simple folding, which regular expressions use too), the
 * last of several spellings wins, and null counts as missing.
 */
export function struct<Shape extends z.ZodRawShape>(shape: Shape) {
  const fields = Object.keys(shape).map((name) => ({ name, spelling: new RegExp(`^${name}$`, 'iu') }));
  const rename = ([name, value]: [string, unknown]) =>
    fields.filter(({ spelling }) => spelling.test(name)).map((field) => [field.name, value]);
  return members
    .transform((all) => Object.fromEntries(all.filter(([, value]) => value !== null).flatMap(rename)))
    .pipe(z.object(shape));
}

const dockerConfigJson = struct({
  auths: members.default([]),
  // Not used, but the kubelet fails if its type is wrong.
  HttpHeaders: members.pipe(z.array(z.tuple([z.string(), z.string().nullable()]))).optional(),
});

const dockerConfigFile = struct({
  auths: members.default([]),
  credHelpers: members.pipe(z.array(z.tuple([z.string(), z.string()]))).default([]),
  credsStore: z.string().default(''),
});

const entry = struct({
  username: z.string().default(''),
  password: z.string().default(''),
  auth: z.string().default(''),
  email: z.string().optional(),
  // The kubelet ignores these, so an invalid value is no fault.
  identitytoken: z.string().catch(''),
  registrytoken: z.string().catch(''),
});

function decodeEntries(all: [string, unknown][]): DockerConfig {
  return new Map(all.map(([key, value]) => [key, decodeEntry(value ?? {}, normalizeKey(key))]));
}

function decodeJson(text: string): unknown {
  const value = parseJson(text);
  if (value === undefined) throw new InvalidDockerConfig('json');
  return value ?? {};
}

function check<T>(schema: z.ZodType<T>, value: unknown, registry?: string): T {
  const result = schema.safeParse(value);
  if (!result.success) throw new InvalidDockerConfig('type', registry);
  return result.data;
}
