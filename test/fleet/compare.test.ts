import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { compare, compareRunning } from '../../src/fleet/compare.ts';
import type { Digest } from '../../src/image/digest.ts';
import { parseReference } from '../../src/image/reference.ts';
import { image } from '../support/registry/image.ts';
import { amd64, arm64, index, Repository } from './registries.ts';

const app = parseReference('registry.example.com/app:1');
const [INTEL, ARM] = ['linux/amd64', 'linux/arm64'];
let repository: Repository;
beforeEach(() => {
  repository = new Repository();
});
const result = async (a: Digest, b: Digest, platform = INTEL) =>
  (await compare(repository, app, a, b, platform)).result;

describe('two digests are the same image', () => {
  test('if they are equal, and then nobody is asked', async () => {
    const digest = repository.push(amd64());
    expect(await result(digest, digest)).toBe('same');
    expect(repository.asked).toEqual([]);
  });

  test('if one is an index that has the other for the platform', async () => {
    const [one, other] = [amd64(), arm64()];
    const whole = repository.push(index([one, other]));
    const [child, foreign] = [one, other].map((what) => repository.push(what));
    expect(await result(whole, child ?? whole)).toBe('same');
    expect(await result(child ?? whole, whole)).toBe('same');
    expect(await result(whole, foreign ?? whole)).toBe('differ');
    expect(await result(whole, foreign ?? whole, ARM)).toBe('same');
    const anywhere = await compare(repository, app, whole, foreign ?? whole, undefined);
    expect(anywhere.result).toBe('same');
  });

  test("though the child itself isn't there any more", async () => {
    const child = amd64();
    const whole = repository.push(index([child]));
    const digest = repository.push(child);
    repository.delete(digest);
    expect(await result(whole, digest)).toBe('same');
  });

  test('if they are indexes with the same child for the platform', async () => {
    const [one, other] = [amd64(), arm64()];
    const both = repository.push(index([one, other]));
    expect(await result(both, repository.push(index([one])))).toBe('same');
    expect(await result(both, repository.push(index([amd64(), other])))).toBe('differ');
  });

  test('if their configs are the same, under whatever manifest', async () => {
    const same = { content: 'the same' };
    const one = repository.push(image({ ...same, annotations: { build: '1' } }));
    const two = repository.push(image({ ...same, annotations: { build: '2' } }));
    const wrapped = repository.push(index([image({ ...same, annotations: { build: '3' } })]));
    expect(await result(one, two)).toBe('same');
    expect(await result(one, wrapped)).toBe('same');
    expect(await result(one, repository.push(amd64()))).toBe('differ');
  });

  test('property: whichever of them comes first', async () => {
    const images = [amd64(), amd64('same'), image({ content: 'same', annotations: { a: 'b' } }), arm64()];
    const all = [...images, index(images.slice(0, 1)), index(images.slice(1)), index(images)].map((what) =>
      repository.push(what),
    );
    const digest = fc.constantFrom(...all);
    await fc.assert(
      fc.asyncProperty(digest, digest, fc.constantFrom(INTEL, ARM, undefined), async (a, b, platform) => {
        expect(await compare(repository, app, a, b, platform)).toEqual(
          await compare(repository, app, b, a, platform),
        );
      }),
    );
  });
});

describe('it is not known', () => {
  test('of what is gone, which is named', async () => {
    const digest = repository.push(amd64());
    const gone = repository.push(amd64());
    repository.delete(gone);
    expect(await compare(repository, app, digest, gone, INTEL)).toEqual({ result: 'gone', digest: gone });
  });

  test('of what cannot be asked', async () => {
    const [a, b] = [repository.push(amd64()), repository.push(amd64())];
    repository.problem = 'down';
    expect(await compare(repository, app, a, b, INTEL)).toEqual({ result: 'unknown', reason: 'down' });
  });
});

describe('on nodes of different platforms', () => {
  test('an index is the same as its child for the other one', async () => {
    const other = arm64();
    const whole = repository.push(index([amd64(), other]));
    const running = [
      { digest: whole, platform: INTEL },
      { digest: repository.push(other), platform: ARM },
    ] as const;
    expect(await compareRunning(repository, app, running[0], running[1])).toEqual({ result: 'same' });
    expect(await compareRunning(repository, app, running[1], running[0])).toEqual({ result: 'same' });
  });

  test('of two single images nothing can be said', async () => {
    const a = { digest: repository.push(amd64()), platform: INTEL };
    const b = { digest: repository.push(arm64()), platform: ARM };
    expect((await compareRunning(repository, app, a, b)).result).toBe('unknown');
  });
});
