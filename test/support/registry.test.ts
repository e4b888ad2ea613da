import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createAuthority } from './authority.ts';
import { dockerImage, dockerList, image, index } from './registry/image.ts';
import { dockerManifest, dockerManifestList, ociIndex, ociManifest } from './registry/media-types.ts';
import { type Registry, startRegistry } from './registry/registry.ts';

const everything = [dockerManifestList, dockerManifest, ociIndex, ociManifest].join(', ');
const arm64 = { os: 'linux', architecture: 'arm64' };

function manifest(registry: Registry, path: string, accept = everything, method = 'GET'): Promise<Response> {
  const url = `${registry.url}/v2/${path.replace(/[:@]/, '/manifests/')}`;
  return fetch(url, { method, headers: { Accept: accept } });
}

const errorBody = z.object({ errors: z.tuple([z.object({ code: z.string(), message: z.string() })]) });
const configured = z.object({ config: z.object({ digest: z.string() }) });

async function errorOf(response: Response): Promise<unknown> {
  const [{ code, message }] = errorBody.parse(await response.json()).errors;
  return [response.status, code, message];
}

const sha256 = (bytes: ArrayBuffer) =>
  `sha256:${createHash('sha256').update(Buffer.from(bytes)).digest('hex')}`;

describe('a manifest', () => {
  test('has the digest of its bytes', async () => {
    await using registry = await startRegistry();
    const digest = registry.push('team/app', '1', image());
    expect(sha256(await (await manifest(registry, 'team/app:1')).arrayBuffer())).toBe(digest);
  });
  test('is described by the headers of HEAD', async () => {
    await using registry = await startRegistry();
    const built = index([image(), image({ platform: arm64 })]);
    const digest = registry.push('team/app', '1', built);
    const { headers } = await manifest(registry, 'team/app:1', everything, 'HEAD');
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-type': ociIndex,
      'content-length': String(built.bytes.length),
      'docker-content-digest': digest,
      'docker-distribution-api-version': 'registry/2.0',
    });
  });
  test('is found by its digest', async () => {
    await using registry = await startRegistry();
    const digest = registry.push('app', undefined, image());
    expect((await manifest(registry, `app@${digest}`)).status).toBe(200);
  });
  test('is not in another repository', async () => {
    await using registry = await startRegistry();
    const digest = registry.push('app', '1', image());
    expect((await manifest(registry, `other@${digest}`)).status).toBe(404);
  });
  test('that does not exist is unknown', async () => {
    await using registry = await startRegistry();
    expect(await errorOf(await manifest(registry, 'app:1'))).toEqual([
      404,
      'MANIFEST_UNKNOWN',
      'manifest unknown',
    ]);
  });
  test('refers to blobs that are there', async () => {
    await using registry = await startRegistry();
    registry.push('app', '1', image());
    const { config } = configured.parse(await (await manifest(registry, 'app:1')).json());
    const blob = await fetch(`${registry.url}/v2/app/blobs/${config.digest}`);
    expect(sha256(await blob.arrayBuffer())).toBe(config.digest);
  });
});

describe('a tag', () => {
  test('moves when it is pushed again', async () => {
    await using registry = await startRegistry();
    registry.push('app', '1', image());
    const digest = registry.push('app', '1', image());
    expect((await manifest(registry, 'app:1')).headers.get('Docker-Content-Digest')).toBe(digest);
  });
  test('leaves the digest it stood for behind', async () => {
    await using registry = await startRegistry();
    const digest = registry.push('app', '1', image());
    registry.push('app', '1', image());
    expect((await manifest(registry, `app@${digest}`)).status).toBe(200);
  });
  test('is gone with its digest', async () => {
    await using registry = await startRegistry();
    registry.delete('app', registry.push('app', '1', image()));
    expect((await manifest(registry, 'app:1')).status).toBe(404);
  });
});

test('equal content makes equal images, and no content a new one each time', () => {
  expect(image({ content: 'a' }).digest).toBe(image({ content: 'a' }).digest);
  expect(image().digest).not.toBe(image().digest);
});

describe('Accept', () => {
  test.each([
    ['index', index([image()]), `${dockerManifest}, ${ociManifest}, */*`, 'indexes'],
    ['manifest', image(), `${dockerManifest}, ${ociIndex}, */*`, 'manifests'],
  ])('without its type hides an OCI %s', async (kind, built, accept, plural) => {
    await using registry = await startRegistry();
    registry.push('app', '1', built);
    const message = `OCI ${kind} found, but accept header does not support OCI ${plural}`;
    expect(await errorOf(await manifest(registry, 'app:1', accept))).toEqual([
      404,
      'MANIFEST_UNKNOWN',
      message,
    ]);
  });
  test('without the list type gets the linux/amd64 child of a Docker list, by tag', async () => {
    await using registry = await startRegistry();
    const amd64 = dockerImage();
    registry.push('app', '1', dockerList([dockerImage({ platform: arm64 }), amd64]));
    const { headers } = await manifest(registry, 'app:1', dockerManifest);
    expect(headers.get('Docker-Content-Digest')).toBe(amd64.digest);
  });
  test('without the list type gets the list by its digest all the same', async () => {
    await using registry = await startRegistry();
    const digest = registry.push('app', '1', dockerList([dockerImage()]));
    const { headers } = await manifest(registry, `app@${digest}`, dockerManifest);
    expect(headers.get('Content-Type')).toBe(dockerManifestList);
  });
});

describe('the list of tags', () => {
  test('comes in pages, each with a link to the next', async () => {
    await using registry = await startRegistry();
    for (const tag of ['c', 'a', 'b']) registry.push('app', tag, image());
    const first = await fetch(`${registry.url}/v2/app/tags/list?n=2`);
    const link = /<(.+)>; rel="next"/.exec(first.headers.get('Link') ?? '')?.[1];
    const second = await fetch(`${registry.url}${link}`);
    expect([await first.json(), await second.json(), second.headers.get('Link')]).toEqual([
      { name: 'app', tags: ['a', 'b'] },
      { name: 'app', tags: ['c'] },
      null,
    ]);
  });
  test.each([
    ['nope/tags/list', 404, 'NAME_UNKNOWN'],
    ['app/tags/list?n=-1', 400, 'PAGINATION_NUMBER_INVALID'],
    ['UPPER/tags/list', 400, 'NAME_INVALID'],
    [`app/blobs/sha256:${'0'.repeat(64)}`, 404, 'BLOB_UNKNOWN'],
  ])('/v2/%s answers %i %s', async (path, status, code) => {
    await using registry = await startRegistry();
    registry.push('app', '1', image());
    const response = await fetch(`${registry.url}/v2/${path}`);
    expect(await errorOf(response)).toEqual([status, code, expect.any(String)]);
  });
});

test('the log tells requests for manifests of one repository from others', async () => {
  await using registry = await startRegistry();
  await manifest(registry, 'a/b:1');
  await manifest(registry, 'a:1');
  await fetch(`${registry.url}/v2/`);
  expect([
    registry.requests.count(),
    registry.requests.manifests().length,
    registry.requests.manifests('a').length,
  ]).toEqual([3, 2, 1]);
});

test('a cleared log starts anew', async () => {
  await using registry = await startRegistry();
  await manifest(registry, 'a:1');
  registry.requests.clear();
  expect(registry.requests.entries).toEqual([]);
});

describe('a fault', () => {
  test('answers in place of the registry', async () => {
    await using registry = await startRegistry();
    registry.fault = { outcome: { status: 503 } };
    expect((await fetch(`${registry.url}/v2/`)).status).toBe(503);
  });
  test('is over when it is unset', async () => {
    await using registry = await startRegistry();
    registry.fault = { outcome: 'reset' };
    await expect(fetch(`${registry.url}/v2/`)).rejects.toThrow();
    registry.fault = undefined;
    expect((await fetch(`${registry.url}/v2/`)).status).toBe(200);
  });
  test('that hangs does not keep the registry from closing', async () => {
    const registry = await startRegistry();
    registry.fault = { outcome: 'hang' };
    const hanging = fetch(`${registry.url}/v2/`).catch(() => 'failed');
    await new Promise((resolve) => setTimeout(resolve, 20));
    await registry.close();
    expect(await hanging).toBe('failed');
  });
});

test('a registry can serve TLS', async () => {
  const authority = await createAuthority();
  await using registry = await startRegistry({ tls: await authority.issue(['127.0.0.1']) });
  expect(registry.url).toBe(`https://${registry.host}`);
});
