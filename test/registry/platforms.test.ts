import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { platformOfConfig, platformsOf } from '../../src/registry/manifest.ts';
import { dockerImage, dockerList, image, index } from '../support/registry/image.ts';

const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const arm = { platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } };

describe('platformsOf', () => {
  test('an index lists them, each once', () => {
    const windows = { os: 'windows', architecture: 'amd64', 'os.version': '10.0.17763' };
    expect(platformsOf(index([image(), image(), image(arm)]).bytes)).toEqual({
      platforms: ['linux/amd64', 'linux/arm64/v8'],
    });
    expect(platformsOf(dockerList([dockerImage(arm)]).bytes)).toEqual({ platforms: ['linux/arm64/v8'] });
    expect(platformsOf(json({ manifests: [{ platform: windows }] }))).toEqual({
      platforms: ['windows/amd64'],
    });
  });

  test("BuildKit's attestations and what has no platform are none", () => {
    const unknown = { os: 'unknown', architecture: 'unknown' };
    expect(
      platformsOf(json({ manifests: [{ platform: unknown }, {}, { platform: null }, { platform: 7 }] })),
    ).toEqual({
      platforms: [],
    });
  });

  test('a single image leaves it to its config', () => {
    for (const built of [image(), dockerImage()]) {
      expect(platformsOf(built.bytes)).toEqual({ config: expect.stringMatching(/^sha256:/) });
    }
  });

  test.each([
    { config: { mediaType: 'application/vnd.cncf.helm.config.v1+json', digest: `sha256:${'a'.repeat(64)}` } },
    { config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: '../../secret' } },
  ])('what is no image, or points nowhere, has none: %j', (manifest) => {
    expect(platformsOf(json(manifest))).toEqual({ platforms: [] });
  });

  test('nothing is thrown, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        platformsOf(Buffer.from(text));
        platformOfConfig(Buffer.from(text));
      }),
      { numRuns: 500 },
    );
  });
});

test.each([
  [{ os: 'linux', architecture: 's390x', variant: '' }, ['linux/s390x']],
  [{ os: 'linux', architecture: 'arm', variant: 'v7' }, ['linux/arm/v7']],
  [{ os: '', architecture: '' }, []],
  [{}, []],
])('a config of %j is for %j', (config, platforms) => {
  expect(platformOfConfig(json(config))).toEqual(platforms);
});
