import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { sha256 } from './registry/digest.ts';
import { type Image, image, index } from './registry/image.ts';
import { type Registry, startRegistry } from './registry/registry.ts';

const content = 'what is uploaded';
const digest = sha256(content);

/** Starts an upload and returns its URL. */
async function start(registry: Registry, name = 'app'): Promise<string> {
  const response = await fetch(`${registry.url}/v2/${name}/blobs/uploads/`, { method: 'POST' });
  return new URL(response.headers.get('Location') ?? '', registry.url).href;
}

const errorBody = z.object({ errors: z.tuple([z.object({ code: z.string() })]) });

async function codeOf(response: Response): Promise<unknown> {
  return errorBody.parse(await response.json()).errors[0].code;
}

function putManifest(registry: Registry, reference: string, { mediaType, bytes }: Image): Promise<Response> {
  const headers = { 'Content-Type': mediaType };
  return fetch(`${registry.url}/v2/app/manifests/${reference}`, {
    method: 'PUT',
    headers,
    body: new Uint8Array(bytes),
  });
}

async function upload(registry: Registry, bytes: Buffer): Promise<void> {
  const url = await start(registry);
  await fetch(`${url}?digest=${sha256(bytes)}`, { method: 'PUT', body: new Uint8Array(bytes) });
}

describe('a blob can be uploaded', () => {
  test('in one POST', async () => {
    await using registry = await startRegistry();
    const url = `${registry.url}/v2/app/blobs/uploads/?digest=${digest}`;
    expect((await fetch(url, { method: 'POST', body: content })).status).toBe(201);
  });
  test('by POST and PUT', async () => {
    await using registry = await startRegistry();
    const url = await start(registry);
    const { headers } = await fetch(`${url}?digest=${digest}`, { method: 'PUT', body: content });
    const blob = await fetch(`${registry.url}${headers.get('Location')}`);
    expect(await blob.text()).toBe(content);
  });
  test('in chunks', async () => {
    await using registry = await startRegistry();
    const url = await start(registry);
    await fetch(url, { method: 'PATCH', body: content.slice(0, 4), headers: { 'Content-Range': '0-3' } });
    await fetch(url, { method: 'PATCH', body: content.slice(4), headers: { 'Content-Range': '4-15' } });
    expect((await fetch(`${url}?digest=${digest}`, { method: 'PUT' })).status).toBe(201);
  });
  test('by a mount from another repository', async () => {
    await using registry = await startRegistry();
    await fetch(`${await start(registry, 'other')}?digest=${digest}`, { method: 'PUT', body: content });
    const mount = `${registry.url}/v2/app/blobs/uploads/?mount=${digest}&from=other`;
    expect((await fetch(mount, { method: 'POST' })).status).toBe(201);
  });
});

test('an upload in progress tells how much it has', async () => {
  await using registry = await startRegistry();
  const url = await start(registry);
  await fetch(url, { method: 'PATCH', body: content });
  const { status, headers } = await fetch(url);
  expect([status, headers.get('Range')]).toEqual([204, '0-15']);
});

test('a mount of what is not there becomes an upload', async () => {
  await using registry = await startRegistry();
  const mount = `${registry.url}/v2/app/blobs/uploads/?mount=${digest}&from=other`;
  expect((await fetch(mount, { method: 'POST' })).status).toBe(202);
});

test('a blob of another digest is refused', async () => {
  await using registry = await startRegistry();
  const url = await start(registry);
  const response = await fetch(`${url}?digest=${digest}`, { method: 'PUT', body: 'something else' });
  expect(await codeOf(response)).toBe('DIGEST_INVALID');
});

test('a chunk out of order is refused', async () => {
  await using registry = await startRegistry();
  const url = await start(registry);
  const response = await fetch(url, { method: 'PATCH', body: 'x', headers: { 'Content-Range': '5-5' } });
  expect([response.status, await codeOf(response)]).toEqual([416, 'RANGE_INVALID']);
});

test('a cancelled upload is unknown', async () => {
  await using registry = await startRegistry();
  const url = await start(registry);
  await fetch(url, { method: 'DELETE' });
  expect(await codeOf(await fetch(url, { method: 'PATCH', body: 'x' }))).toBe('BLOB_UPLOAD_UNKNOWN');
});

describe('a manifest', () => {
  test('is tagged when its blobs are there', async () => {
    await using registry = await startRegistry();
    const pushed = image();
    for (const blob of pushed.blobs) await upload(registry, blob);
    await putManifest(registry, '1', pushed);
    expect(registry.digest('app', '1')).toBe(pushed.digest);
  });
  test('is refused while a blob is missing', async () => {
    await using registry = await startRegistry();
    expect(await codeOf(await putManifest(registry, '1', image()))).toBe('MANIFEST_BLOB_UNKNOWN');
  });
  test('is refused while a child is missing', async () => {
    await using registry = await startRegistry();
    expect(await codeOf(await putManifest(registry, '1', index([image()])))).toBe('MANIFEST_BLOB_UNKNOWN');
  });
  test('is refused under another digest', async () => {
    await using registry = await startRegistry();
    expect(await codeOf(await putManifest(registry, digest, index([])))).toBe('DIGEST_INVALID');
  });
  test('is refused when its body names another media type', async () => {
    await using registry = await startRegistry();
    const lying = { ...index([]), mediaType: image().mediaType };
    expect(await codeOf(await putManifest(registry, '1', lying))).toBe('MANIFEST_INVALID');
  });
  test('can be deleted', async () => {
    await using registry = await startRegistry();
    const pushed = registry.push('app', '1', image());
    await fetch(`${registry.url}/v2/app/manifests/${pushed}`, { method: 'DELETE' });
    expect(registry.digest('app', '1')).toBeUndefined();
  });
});
