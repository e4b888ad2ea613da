import { describe, expect, test } from 'vitest';
import { readBuilt, readManifest } from '../../src/fleet/content.ts';
import { image, index, ociArtifact } from '../support/registry/image.ts';

const json = (value: unknown) => Buffer.from(JSON.stringify(value));

describe('a manifest', () => {
  test('of an index leads to its children, but not to attestations', () => {
    const unknown = { os: 'unknown', architecture: 'unknown' };
    const [one, attestation] = [image(), image({ platform: unknown })];
    expect(readManifest(index([one, attestation]).bytes, undefined)).toMatchObject({
      kind: 'index',
      children: [{ digest: one.digest, platform: 'linux/amd64' }],
    });
  });

  test('of a single image leads to its config', () => {
    expect(readManifest(image().bytes, undefined)).toMatchObject({ kind: 'image', config: /^sha256:/ });
    expect(readManifest(ociArtifact({}).bytes, undefined).kind).toBe('image');
  });

  test.each(['', 'null', '[]', '{"config":{"digest":"md5:1"}}', '{"manifests":7}'])(
    '%j leads nowhere',
    (text) => {
      expect(readManifest(Buffer.from(text), undefined)).toEqual({ kind: 'other', lastModified: undefined });
    },
  );

  test('has the time when the registry got it, if that says so', () => {
    const { lastModified } = readManifest(image().bytes, 'Wed, 21 Oct 2025 07:28:00 GMT');
    expect(lastModified?.toISOString()).toBe('2025-10-21T07:28:00.000Z');
    expect(readManifest(image().bytes, 'yesterday').lastModified).toBeUndefined();
  });
});

describe('a config says when its image was built', () => {
  test('if it does', () => {
    expect(readBuilt(json({ created: '2026-01-02T03:04:05.6Z' }))?.toISOString()).toBe(
      '2026-01-02T03:04:05.600Z',
    );
  });

  test.each([
    {},
    { created: null },
    { created: '1970-01-01T00:00:00Z' },
    { created: '1980-01-01T00:00:01Z' },
    [],
  ])('and not with %j, which reproducible builds have', (config) =>
    expect(readBuilt(json(config))).toBeUndefined(),
  );
});
