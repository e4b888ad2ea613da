import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  judge,
  type Preference,
  pinsToStore,
  type RegistryResult,
  registryQueries,
} from '../../src/adoption/adoption.ts';
import { observe } from '../../src/adoption/evidence.ts';
import { type Digest, sha256 } from '../../src/image/digest.ts';
import { type Pins, readPins, storePins } from '../../src/revision/pins.ts';
import { runs } from '../support/runs.ts';
import { cohortsOf, decided, type PodOptions, template, written } from './cohorts.ts';

const [one, two, three] = [sha256('one'), sha256('two'), sha256('three')];
const repository = 'quay.io/team/web';
const runningAt = (seconds: number, digest: Digest): PodOptions => ({
  seconds,
  imageId: `${repository}@${digest}`,
});
const pinnedAt = (seconds: number, digest: Digest): PodOptions => ({
  seconds,
  image: `${repository}@${digest}`,
  from: written,
});

interface Situation {
  pods: PodOptions[];
  stored?: Pins;
  prefer?: Preference;
  answer?: RegistryResult;
}
const tag = (digest: Digest): RegistryResult => ({ tag: { digest } });

/** What becomes of the image of a revision, and what is stored in the end. */
function adopt({ pods, stored, prefer, answer = tag(one) }: Situation) {
  const observed = observe(decided(), cohortsOf(...pods));
  const questions = registryQueries(observed, stored, prefer);
  const answers = new Map(questions.map(({ field }) => [field.image, answer]));
  const [adoption, ...others] = judge(observed, stored, prefer, answers);
  expect(others).toEqual([]);
  const pins = pinsToStore(adoption === undefined ? [] : [adoption], stored);
  return {
    state: adoption?.state,
    digest: adoption?.digest,
    notes: adoption?.notes,
    asked: questions.map(({ confirm }) => confirm ?? 'the tag'),
    pins: pins && Object.fromEntries(pins),
  };
}

describe('an image whose pods run one digest is adopted', () => {
  test("by its nodes' reports, if the registry confirms the digest", () => {
    expect(adopt({ pods: [runningAt(1, one), runningAt(2, one)] })).toEqual({
      state: 'adopted',
      digest: one,
      notes: [],
      asked: [one],
      pins: { [written]: one },
    });
  });

  test('by their spec without proof', () => {
    const answer = { tag: { problem: 'not found' } };
    expect(adopt({ pods: [pinnedAt(1, one)], answer })).toMatchObject({
      state: 'adopted',
      notes: ["its tag can't be resolved now: not found"],
      asked: ['the tag'],
      pins: { [written]: one },
    });
  });

  test('with a note if the tag has moved', () => {
    expect(adopt({ pods: [runningAt(1, one)], answer: tag(two) })).toMatchObject({
      state: 'adopted',
      notes: [`its tag has ${two} now`],
    });
  });

  test('replacing what was stored', () => {
    const stored = new Map([
      [written, two],
      ['other', three],
    ]);
    expect(adopt({ pods: [runningAt(1, one)], stored })).toMatchObject({
      state: 'adopted',
      notes: [`in place of ${two}, which pods may get for 30 s more`],
      pins: { [written]: one, other: three },
    });
  });

  test('although some of its pods report nothing', () => {
    expect(adopt({ pods: [runningAt(1, one), { seconds: 2 }, { seconds: 3, imageId: one }] })).toMatchObject({
      state: 'adopted',
      notes: ['1 pod: not pulled yet', `1 pod: imageID isn't a digest from a registry: ${one}`],
    });
  });
});

test('what is already stored is left, without a registry request', () => {
  const stored = new Map([[written, one]]);
  expect(adopt({ pods: [runningAt(1, one)], stored })).toMatchObject({
    state: 'stored',
    asked: [],
    pins: { [written]: one },
  });
});

describe('an image is not adopted', () => {
  test('if the registry does not confirm the digest', () => {
    const answer = { ...tag(two), unconfirmed: "the registry doesn't have it" };
    expect(adopt({ pods: [runningAt(1, one)], answer })).toMatchObject({
      state: 'unconfirmed',
      digest: undefined,
      notes: ["the registry doesn't have it", `its tag has ${two} now`],
      pins: undefined,
    });
  });

  test('without an answer', () => {
    const observed = observe(decided(), cohortsOf(runningAt(1, one)));
    expect(judge(observed, undefined, undefined, new Map())).toMatchObject([{ state: 'unconfirmed' }]);
  });

  test('with one reason if the registry does not answer for the tag either', () => {
    const answer = { tag: { problem: 'down' }, unconfirmed: 'down' };
    expect(adopt({ pods: [runningAt(1, one)], answer }).notes).toEqual(['down']);
  });

  test("if the nodes name another repository, and the image's own does not have the digest", () => {
    const answer = { ...tag(two), unconfirmed: "the registry doesn't have it" };
    expect(adopt({ pods: [{ imageId: `quay.io/other@${one}` }], answer })).toMatchObject({
      state: 'unconfirmed',
      notes: [
        "the registry doesn't have it",
        'imageID names another repository, quay.io/other',
        `its tag has ${two} now`,
      ],
      pins: undefined,
    });
  });

  test('if the pods report nothing', () => {
    expect(adopt({ pods: [{}] })).toMatchObject({ state: 'unknown', asked: [], pins: undefined });
  });
});

describe('pods that run several digests of an image', () => {
  const pods = [runningAt(2, two), runningAt(1, one), runningAt(4, one), runningAt(3, two)];

  test('leave it unchanged', () => {
    expect(adopt({ pods, answer: tag(three) })).toMatchObject({
      state: 'several',
      digest: undefined,
      notes: [`its tag has ${three} now`],
      pins: undefined,
    });
  });

  test('… with a note on the stored digest, if none of them runs it', () => {
    expect(adopt({ pods, stored: new Map([[written, three]]) }).notes).toEqual([
      `${three} is stored`,
      `its tag has ${one} now`,
    ]);
  });

  test('need no preference if one of them is stored, which was chosen before', () => {
    expect(adopt({ pods, stored: new Map([[written, two]]) })).toMatchObject({
      state: 'stored',
      digest: two,
      asked: [],
    });
  });

  test.each([
    ['oldest', [runningAt(2, two), runningAt(1, one), runningAt(3, two)], one],
    ['newest', [runningAt(2, two), runningAt(1, one), runningAt(3, two)], two],
    ['oldest', pods, one],
    ['newest', pods, one],
    ['oldest', [pinnedAt(2, two), runningAt(1, one)], one],
    ['newest', [pinnedAt(2, two), runningAt(1, one)], two],
  ] as const)('give it that of the %s, if asked to', (prefer, of, digest) => {
    expect(adopt({ pods: [...of], prefer, answer: tag(digest) })).toMatchObject({
      state: 'adopted',
      digest,
      pins: { [written]: digest },
    });
  });

  test('need no preference a second time for what it has stored', () => {
    const stored = new Map([[written, one]]);
    expect(adopt({ pods, prefer: 'newest', stored })).toMatchObject({ state: 'stored', asked: [] });
  });
});

describe('a revision of several images', () => {
  const spec = {
    containers: [
      { name: 'web', image: written },
      { name: 'side', image: 'quay.io/team/side:1' },
    ],
  };
  const judged = (pods: PodOptions[], stored?: Pins) => {
    const observed = observe(decided(template(spec)), cohortsOf(...pods));
    const answers = new Map(
      registryQueries(observed, stored, undefined).map(({ field }) => [field.image, tag(one)]),
    );
    // The other container's pods say nothing, as those of these tests have one only.
    return judge(observed, stored, undefined, answers);
  };

  test('stores null for unknown images, because a missing one would count as injected', () => {
    const pins = pinsToStore(judged([runningAt(1, one)]), undefined);
    expect(pins).toEqual(
      new Map([
        [written, one],
        ['quay.io/team/side:1', null],
      ]),
    );
  });

  test('keeps what was stored of those', () => {
    const stored = new Map([['quay.io/team/side:1', two]]);
    expect(pinsToStore(judged([runningAt(1, one)], stored), stored)).toEqual(
      new Map([
        ['quay.io/team/side:1', two],
        [written, one],
      ]),
    );
  });

  test('is not stored at all while one of them has several digests', () => {
    const [web, side] = judged([runningAt(1, one)]);
    const several = judged([runningAt(1, one), runningAt(2, two)])[0];
    if (web === undefined || side === undefined || several === undefined) throw new Error('no images');
    expect(pinsToStore([web, several], undefined)).toBeUndefined();
    expect(pinsToStore([web, side], undefined)).toBeDefined();
  });

  test('then holds the others back, and reports it', () => {
    const [first] = observe(decided(), cohortsOf(runningAt(1, one), runningAt(2, two)));
    const [second] = observe(decided(), cohortsOf(pinnedAt(1, one)));
    if (first === undefined || second === undefined) throw new Error('nothing observed');
    const field = { ...second.field, image: 'quay.io/team/side:1' };
    const answers = new Map([[field.image, tag(one)]]);
    expect(judge([first, { ...second, field }], undefined, undefined, answers)).toMatchObject([
      { state: 'several' },
      {
        state: 'held',
        digest: undefined,
        notes: ['not stored while another image of the revision has several digests'],
      },
    ]);
  });
});

const digest = fc.constantFrom(one, two, three);
const podArbitrary = fc.oneof(
  fc.record({ seconds: fc.nat(9), imageId: digest.map((of) => `${repository}@${of}`) }),
  fc.record({
    seconds: fc.nat(9),
    image: digest.map((of) => `${repository}@${of}`),
    from: fc.constant(written),
  }),
  fc.record({ seconds: fc.nat(9), imageId: fc.constantFrom('', one, `quay.io/other@${one}`) }),
);
const pinsArbitrary = fc.dictionary(
  fc.constantFrom('pins.tagpin.dev/abc.100', 'pins.tagpin.dev/abc.zzz', 'pins.tagpin.dev/def.1', 'other'),
  fc.oneof(
    fc.constantFrom(one, two, null).map((of) => JSON.stringify({ [written]: of })),
    fc.constantFrom('{}', 'junk'),
  ),
);

test('property: a second run changes nothing, even if the Deployment has written its copies back', () => {
  fc.assert(
    fc.property(
      fc.array(podArbitrary, { minLength: 1, maxLength: 5 }),
      pinsArbitrary,
      pinsArbitrary,
      fc.constantFrom('newest' as const, 'oldest' as const, undefined),
      fc.boolean(),
      fc.nat(),
      (pods, annotations, copies, prefer, confirms, now) => {
        const observed = observe(decided(), cohortsOf(...pods));
        const run = (before: Record<string, string>) => {
          const stored = readPins(before, 'abc');
          const answer = confirms ? tag(one) : { ...tag(one), unconfirmed: 'no' };
          const answers = new Map(
            registryQueries(observed, stored, prefer).map((q) => [q.field.image, answer]),
          );
          const pins = pinsToStore(judge(observed, stored, prefer, answers), stored);
          return pins === undefined ? {} : storePins(before, 'abc', pins, now, copies);
        };
        const changes = run(annotations);
        const after = Object.fromEntries(
          Object.entries({ ...annotations, ...changes }).filter(
            (entry): entry is [string, string] => entry[1] !== null,
          ),
        );
        expect(run(after)).toEqual({});
        if (Object.keys(changes).length > 0) {
          const stored = readPins({ ...after, ...copies }, 'abc');
          expect(stored).toEqual(readPins(after, 'abc'));
          expect(run({ ...after, ...copies })).toEqual({});
        }
      },
    ),
    runs(0.5),
  );
});
