import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Agent, fetch, type Response } from 'undici';
import { z } from 'zod';
import { chooseChallenge, parseChallenges } from '../src/registry/challenge.ts';

/** The registry of a release: what few calls of the OCI distribution API the other programs don't make. */
export interface Registry {
  readonly host: string;
  /** Without TLS: only a registry on loopback. */
  readonly plainHttp: boolean;
  /** The CA of its certificate, if the machine doesn't know it. */
  readonly caFile: string | undefined;
}

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

export const artifactManifest = 'application/vnd.oci.image.manifest.v1+json';
export const imageIndex = 'application/vnd.oci.image.index.v1+json';
/** The empty configuration of an artifact (OCI image-spec, manifest.md, "Guidance for an Empty Descriptor"). */
const EMPTY = { mediaType: 'application/vnd.oci.empty.v1+json', content: Buffer.from('{}') };

export function openRegistry(host: string, caFile: string | undefined): Registry {
  const plainHttp = caFile === undefined && /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(host);
  return { host, plainHttp, caFile };
}

export const digestOf = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** A manifest with its descriptor. The digest is that of the bytes that came, whatever the registry says. */
export async function getManifest(registry: Registry, repository: string, reference: string) {
  const accept = [imageIndex, artifactManifest].join(', ');
  const path = `/v2/${repository}/manifests/${reference}`;
  const response = await call(registry, repository, 'GET', path, { accept });
  const bytes = Buffer.from(await response.arrayBuffer());
  const mediaType = response.headers.get('content-type') ?? '';
  const content: unknown = JSON.parse(bytes.toString());
  return { content, descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length } };
}

export async function getBlob(registry: Registry, repository: string, digest: string): Promise<Buffer> {
  const response = await call(registry, repository, 'GET', `/v2/${repository}/blobs/${digest}`);
  const bytes = Buffer.from(await response.arrayBuffer());
  if (digestOf(bytes) !== digest) throw new Error(`${registry.host} sent other bytes for ${digest}`);
  return bytes;
}

/**
 * Attaches a file to an image: a manifest whose `subject` is the image, listed by the referrers API (OCI distribution
 * 1.1). For registries without that API it is listed by the tag that stands for it. Returns the manifest's digest.
 */
export async function attach(
  registry: Registry,
  repository: string,
  subject: Descriptor,
  file: { readonly artifactType: string; readonly content: Buffer; readonly title: string },
): Promise<string> {
  const { artifactType, content, title } = file;
  const layer = await putBlob(registry, repository, { mediaType: artifactType, content });
  const manifest = {
    schemaVersion: 2,
    mediaType: artifactManifest,
    artifactType,
    config: await putBlob(registry, repository, EMPTY),
    layers: [{ ...layer, annotations: { 'org.opencontainers.image.title': title } }],
    subject,
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  const digest = digestOf(bytes);
  const answer = await putManifest(registry, repository, digest, artifactManifest, bytes);
  if (answer.headers.get('oci-subject') === null)
    await listByTag(registry, repository, subject, {
      mediaType: artifactManifest,
      digest,
      size: bytes.length,
      artifactType,
    });
  return digest;
}

const referrersIndex = z.looseObject({
  manifests: z.array(z.looseObject({ digest: z.string(), artifactType: z.string().optional() })),
});

/** Adds a referrer to the index of those of an image (OCI distribution-spec, "Referrers Tag Schema"). */
async function listByTag(
  registry: Registry,
  repository: string,
  subject: Descriptor,
  referrer: Descriptor & { readonly artifactType: string },
): Promise<void> {
  const tag = subject.digest.replace(':', '-');
  const listed = await tagged(registry, repository, tag);
  const others = listed.filter(({ digest }) => digest !== referrer.digest);
  const index = { schemaVersion: 2, mediaType: imageIndex, manifests: [...others, referrer] };
  await putManifest(registry, repository, tag, imageIndex, Buffer.from(JSON.stringify(index)));
}

async function tagged(registry: Registry, repository: string, tag: string) {
  const path = `/v2/${repository}/manifests/${tag}`;
  const response = await call(registry, repository, 'GET', path, { accept: imageIndex }, [404]);
  return response.status === 404 ? [] : referrersIndex.parse(await response.json()).manifests;
}

/** The digests of the manifests of a type whose subject is this digest. */
export async function referrers(
  registry: Registry,
  repository: string,
  digest: string,
  artifactType: string,
): Promise<string[]> {
  const api = await call(registry, repository, 'GET', `/v2/${repository}/referrers/${digest}`, {}, [404]);
  const manifests =
    api.status === 404
      ? await tagged(registry, repository, digest.replace(':', '-'))
      : referrersIndex.parse(await api.json()).manifests;
  return manifests
    .filter((manifest) => manifest.artifactType === artifactType)
    .map((manifest) => manifest.digest);
}

function putManifest(registry: Registry, repository: string, reference: string, type: string, body: Buffer) {
  const path = `/v2/${repository}/manifests/${reference}`;
  return call(registry, repository, 'PUT', path, { 'content-type': type }, [], body);
}

async function putBlob(
  registry: Registry,
  repository: string,
  { mediaType, content }: { readonly mediaType: string; readonly content: Buffer },
): Promise<Descriptor> {
  const digest = digestOf(content);
  const started = await call(registry, repository, 'POST', `/v2/${repository}/blobs/uploads/`);
  const upload = new URL(started.headers.get('location') ?? '', baseOf(registry));
  upload.searchParams.set('digest', digest);
  const path = upload.pathname + upload.search;
  const headers = { 'content-type': 'application/octet-stream' };
  await call(registry, repository, 'PUT', path, headers, [], content);
  return { mediaType, digest, size: content.length };
}

const baseOf = ({ host, plainHttp }: Registry) => `${plainHttp ? 'http' : 'https'}://${host}`;

/** Sends a request, and repeats it with credentials if the registry asks for them. */
async function call(
  registry: Registry,
  repository: string,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  expected: readonly number[] = [],
  body?: Buffer,
): Promise<Response> {
  const url = new URL(path, baseOf(registry));
  const dispatcher = agentOf(registry);
  const send = (authorization: string | undefined) =>
    fetch(url, {
      method,
      headers: { ...headers, ...(authorization && { authorization }) },
      body: body === undefined ? null : new Uint8Array(body),
      ...(dispatcher && { dispatcher }),
    });
  let response = await send(undefined);
  if (response.status === 401) {
    await response.body?.cancel();
    response = await send(await authorizationFor(registry, repository, response));
  }
  if (response.ok || expected.includes(response.status)) return response;
  throw new Error(`${method} ${url}: ${response.status} ${(await response.text()).slice(0, 500)}`);
}

function agentOf({ caFile }: Registry): Agent | undefined {
  return caFile === undefined ? undefined : new Agent({ connect: { ca: readFileSync(caFile, 'utf8') } });
}

const tokenAnswer = z.object({ token: z.string().optional(), access_token: z.string().optional() });

/** Answers a challenge with the credentials of the docker config, as docker login stores them. */
async function authorizationFor(registry: Registry, repository: string, response: Response): Promise<string> {
  const challenge = chooseChallenge(parseChallenges(response.headers.get('www-authenticate') ?? ''));
  const basic = `Basic ${storedCredentials(registry.host)}`;
  if (challenge?.scheme !== 'bearer') return basic;
  const realm = new URL(challenge.params['realm'] ?? '');
  realm.searchParams.set('service', challenge.params['service'] ?? '');
  realm.searchParams.set('scope', `repository:${repository}:pull,push`);
  const answer = await fetch(realm, { headers: { authorization: basic } });
  if (!answer.ok) throw new Error(`${realm.host} gives no token: ${answer.status}`);
  const { token, access_token } = tokenAnswer.parse(await answer.json());
  return `Bearer ${token ?? access_token}`;
}

const dockerConfig = z.object({ auths: z.record(z.string(), z.object({ auth: z.string() })) });

function storedCredentials(host: string): string {
  const file = join(process.env['DOCKER_CONFIG'] ?? join(homedir(), '.docker'), 'config.json');
  const stored = existsSync(file)
    ? dockerConfig.safeParse(JSON.parse(readFileSync(file, 'utf8'))).data
    : undefined;
  const auth = stored?.auths[host]?.auth;
  if (auth === undefined) throw new Error(`${file} has no credentials for ${host}: log in first`);
  return auth;
}
