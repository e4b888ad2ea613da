import { expect, test } from 'vitest';
import { sha256 } from '../../src/image/digest.ts';
import { startScriptedRegistry } from '../support/registry/scripted.ts';
import type { ScriptedResponse } from '../support/registry/scripted-response.ts';
import { clientWith, tryResolve } from './clients.ts';

const type = 'application/vnd.oci.image.index.v1+json';
const body = JSON.stringify({ schemaVersion: 2, mediaType: type, manifests: [] });
const digest = sha256(Buffer.from(body));
const byTag = '/v2/hub/library/nginx/manifests/1';
const byDigest = `/v2/hub/library/nginx/manifests/${digest}`;
// ECR has no digest header on GET.
const imported: ScriptedResponse = {
  method: 'GET',
  path: byTag,
  headers: { 'Content-Type': type },
  body,
};
const head = (status: number): ScriptedResponse => ({ method: 'HEAD', path: byDigest, status });

async function resolve(steps: ScriptedResponse[], reference = 'hub/library/nginx:1') {
  await using registry = await startScriptedRegistry(steps);
  const client = clientWith({ [registry.host]: { plainHttp: true, pullThrough: ['hub', 'quay/io'] } });
  const result = await tryResolve(client, `${registry.host}/${reference}`);
  return { result, remaining: registry.remaining, mismatches: registry.mismatches };
}

test('a repository of a pull-through cache is pulled by tag, and confirmed by digest', async () => {
  const { result, remaining, mismatches } = await resolve([imported, head(200)]);
  expect(result).toMatchObject({ digest, mediaType: type });
  expect({ remaining, mismatches }).toEqual({ remaining: 0, mismatches: [] });
});

test('an import that takes its time is waited for', async () => {
  const { result, remaining } = await resolve([imported, head(404), head(200)]);
  expect(result).toMatchObject({ digest });
  expect(remaining).toBe(0);
});

test('an import that never comes is not found, and says why', async () => {
  const { result } = await resolve([imported, head(404), head(404), head(404)]);
  expect(result).toMatchObject({
    failure: 'not_found',
    message: "the pull-through cache has the tag, but not yet the tag's digest",
  });
});

test('a tag that the upstream lacks is not found', async () => {
  const { result, remaining } = await resolve([{ ...imported, status: 404, body: '' }]);
  expect(result).toMatchObject({ failure: 'not_found' });
  expect(remaining).toBe(0);
});

test.each(['hubs/library/nginx:1', 'hub:1', 'quay/ionian/nginx:1'])(
  '%s is of no such repository',
  async (name) => {
    const found: ScriptedResponse = {
      method: 'HEAD',
      headers: { 'Content-Type': type, 'Docker-Content-Digest': digest },
    };
    const { result, mismatches } = await resolve([found], name);
    expect(result).toMatchObject({ digest });
    expect(mismatches).toEqual([]);
  },
);
