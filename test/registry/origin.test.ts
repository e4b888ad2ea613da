import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseDigest } from '../../src/image/digest.ts';
import { parseReference } from '../../src/image/reference.ts';
import { Endpoints } from '../../src/registry/endpoint.ts';
import { OriginClient } from '../../src/registry/origin.ts';
import type { Fault } from '../support/answering.ts';
import { image, index } from '../support/registry/image.ts';
import { ociIndex } from '../support/registry/media-types.ts';
import { type Registry, startRegistry } from '../support/registry/registry.ts';
import { patient, user } from './clients.ts';

let registry: Registry;
let origin: OriginClient;
const request = () => ({ credential: user('keeper'), signal: patient() });

beforeEach(async () => {
  registry = await startRegistry({
    auth: { scheme: 'bearer' },
    users: [{ name: 'keeper', password: 'correct-horse', pull: ['*'], push: ['*'] }],
  });
  // Its mirror is nowhere: nothing here may ask it.
  const root = new URL('http://127.0.0.1:1/v2/');
  const mirrors = [{ root, capabilities: ['pull', 'resolve'] as const, sendCredentials: false }];
  const settings = new Map([[registry.host, { mirrors, plainHttp: true }]]);
  origin = new OriginClient(new Endpoints(() => ({ settings })));
});
afterEach(() => registry.close());

const named = (reference: string) => parseReference(`${registry.host}/app${reference}`);
const answers = (matches: (path: string, method: string) => boolean, outcome: Fault['outcome']) => {
  registry.fault = ({ path, method }) =>
    matches(path, method) && outcome !== undefined ? { outcome } : undefined;
};

describe('a manifest at the registry itself', () => {
  test('is described by HEAD, with its size', async () => {
    const pushed = image();
    registry.push('app', '1', pushed);
    expect(await origin.describe(named(':1'), request())).toEqual({
      digest: pushed.digest,
      mediaType: pushed.mediaType,
      size: pushed.bytes.length,
    });
    expect(registry.requests.manifests().map(({ method }) => method)).toEqual(['HEAD', 'HEAD']);
  });

  test('is read where HEAD does not say its size, and verified', async () => {
    const pushed = image();
    registry.push('app', '1', pushed);
    answers((_, method) => method === 'HEAD', { status: 404 });
    expect(await origin.describe(named(`@${pushed.digest}`), request())).toMatchObject({
      size: pushed.bytes.length,
    });
    const headers = { 'Content-Type': pushed.mediaType };
    answers((_, method) => method === 'GET', { status: 200, headers, body: image().bytes });
    await expect(origin.read(named(`@${pushed.digest}`), request())).rejects.toMatchObject({
      failure: 'digest_mismatch',
    });
  });

  test('that is not there is not found', async () => {
    await expect(origin.describe(named(':1'), request())).rejects.toMatchObject({ failure: 'not_found' });
  });
});

describe('a push', () => {
  test('sets the tag, with a token for it', async () => {
    const child = image();
    registry.push('app', undefined, child);
    const { bytes, digest } = index([child]);
    expect(await origin.push(named(':kept'), { mediaType: ociIndex, bytes }, request())).toBe(digest);
    expect(registry.digest('app', 'kept')).toBe(digest);
  });

  test('is refused where the registry refuses it, with its codes', async () => {
    const { bytes } = index([image()]);
    await expect(origin.push(named(':1'), { mediaType: ociIndex, bytes }, request())).rejects.toMatchObject({
      codes: ['MANIFEST_BLOB_UNKNOWN'],
    });
  });

  test('of which the registry stores something else has failed', async () => {
    const other = parseDigest(`sha256:${'0'.repeat(64)}`);
    answers((_, method) => method === 'PUT', { status: 201, headers: { 'Docker-Content-Digest': other } });
    const { bytes } = index([]);
    await expect(origin.push(named(':1'), { mediaType: ociIndex, bytes }, request())).rejects.toMatchObject({
      failure: 'digest_mismatch',
    });
  });

  test('is sent nowhere else', async () => {
    answers((path, method) => method === 'PUT' && path.endsWith('/1'), {
      status: 307,
      headers: { location: 'http://127.0.0.1:9/v2/app/manifests/1' },
    });
    const { bytes } = index([]);
    await expect(origin.push(named(':1'), { mediaType: ociIndex, bytes }, request())).rejects.toMatchObject({
      failure: 'redirect',
    });
  });
});

describe('the tags of a repository', () => {
  test('are all read, page by page', async () => {
    const pushed = image();
    const all = Array.from({ length: 2_500 }, (_, index) => `tag-${index}`).sort();
    for (const tag of all) registry.push('app', tag, pushed);
    expect(await origin.tags(named(''), request())).toEqual(all);
  });

  test('are none where there is no repository', async () => {
    expect(await origin.tags(named(''), request())).toEqual([]);
  });

  test('are asked for only there, whatever host a page names as the next', async () => {
    const pushed = image();
    for (let index = 0; index < 3; index++) registry.push('app', `tag-${index}`, pushed);
    let pages = 0;
    registry.fault = ({ path, headers }) =>
      path.endsWith('/tags/list') && headers.authorization !== undefined && pages++ === 0
        ? {
            outcome: {
              status: 200,
              headers: { Link: '<http://127.0.0.1:1/elsewhere?last=tag-1&n=1000>; rel="next"' },
              body: JSON.stringify({ tags: ['tag-0', 'tag-1'] }),
            },
          }
        : undefined;
    expect(await origin.tags(named(''), request())).toEqual(['tag-0', 'tag-1', 'tag-2']);
  });
});
