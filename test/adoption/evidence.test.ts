import { describe, expect, test } from 'vitest';
import { observe } from '../../src/adoption/evidence.ts';
import { Cohorts } from '../../src/adoption/running-pods.ts';
import { sha256 } from '../../src/image/digest.ts';
import { runningPodSchema } from '../../src/revision/running-pod.ts';
import { cohortsOf, decided, type PodOptions, template, written } from './cohorts.ts';

const [one, two] = [sha256('one'), sha256('two')];
const repository = 'quay.io/team/web';

/** What a single pod says of the image of its template. */
function said(pod: PodOptions, image = written) {
  const [observed] = observe(decided(template({ containers: [{ name: 'web', image }] })), cohortsOf(pod));
  return {
    digests: observed?.digests.map(({ digest, from }) => `${from} ${digest}`),
    noEvidence: observed?.noEvidence.map(({ reason }) => reason),
  };
}

describe('the digest that a pod runs is that of its spec', () => {
  test.each<[string, PodOptions]>([
    ['pinned by tagpin', { image: `${repository}@${one}`, from: written }],
    ['pinned with its tag left visible', { image: `${written}@${one}`, from: written }],
    ['pinned by something else that leaves no note', { image: `${repository}@${one}` }],
    ['… and the tag', { image: `${written}@${one}` }],
    [
      'whatever its node says',
      { image: `${repository}@${one}`, from: written, imageId: `${repository}@${two}` },
    ],
  ])('%s', (_, pod) => {
    expect(said(pod)).toEqual({ digests: [`spec ${one}`], noEvidence: [] });
  });

  test('with latest for no tag', () => {
    expect(said({ image: `${repository}:latest@${one}` }, repository).digests).toEqual([`spec ${one}`]);
  });
});

describe('… else the one that its node reports', () => {
  test.each([
    ['as containerd and CRI-O say it', written, `${repository}@${one}`],
    ['as cri-dockerd says it', written, `docker-pullable://${repository}@${one}`],
    ["of Docker Hub's short names", 'nginx:1.27', `docker.io/library/nginx@${one}`],
    ['… on either side', 'docker.io/library/nginx:1.27', `docker-pullable://nginx@${one}`],
    ['of a registry with a port', 'localhost:5000/web:1', `localhost:5000/web@${one}`],
  ])('%s', (_, image, imageId) => {
    expect(said({ image, imageId }, image)).toEqual({ digests: [`imageID ${one}`], noEvidence: [] });
  });
});

describe('… even if that names another repository', () => {
  const elsewhere = (digest: string) => ({ imageId: `quay.io/other/web@${digest}` });

  test('which is to be confirmed', () => {
    expect(observe(decided(), cohortsOf(elsewhere(one)))).toMatchObject([
      { digests: [{ digest: one, from: 'imageID', elsewhere: 'quay.io/other/web' }], noEvidence: [] },
    ]);
  });

  test("unless another pod's names the image's own", () => {
    expect(observe(decided(), cohortsOf(elsewhere(two), { imageId: `${repository}@${one}` }))).toMatchObject([
      {
        digests: [{ digest: one, pods: 1 }],
        noEvidence: [{ reason: 'imageID names another repository, quay.io/other/web', pods: 1 }],
      },
    ]);
  });
});

describe('nothing is known of the digest', () => {
  test.each<[string, PodOptions, string]>([
    ['before it is pulled', {}, 'not pulled yet'],
    ['from a local id', { imageId: one }, `imageID isn't a digest from a registry: ${one}`],
    [
      'from a local id of cri-dockerd',
      { imageId: `docker://${one}` },
      `imageID isn't a digest from a registry: docker://${one}`,
    ],
    [
      'from junk that would change a terminal',
      { imageId: '\u001b[2Jx' },
      "imageID isn't a digest from a registry: \\u{1b}[2Jx",
    ],
    [
      'of a pod that was pinned from another tag',
      { image: `${repository}@${one}`, from: `${repository}:2` },
      `${repository}@${one.slice(0, 82)} in its place`,
    ],
    [
      'of a pod that has another tag and a digest',
      { image: `${repository}:2@${one}` },
      `${repository}:2@${one} in its place`,
    ],
    [
      'of a pod that has another repository',
      { image: `mirror.example.com/web@${one}`, from: written },
      `mirror.example.com/web@${one} in its place`,
    ],
    [
      'of a pod that has another tag',
      { image: `${repository}:2`, imageId: `${repository}@${one}` },
      `${repository}:2 in its place`,
    ],
  ])('%s', (_, pod, missing) => {
    expect(said(pod)).toEqual({ digests: [], noEvidence: [missing] });
  });

  test('of an image volume, unless it is pinned', () => {
    const volumes = (reference: string) => ({ volumes: [{ name: 'data', image: { reference } }] });
    const pods = (reference: string) => {
      const cohorts = new Cohorts();
      cohorts.add(runningPodSchema.parse({ metadata: {}, spec: volumes(reference) }));
      return observe(decided(template(volumes(written))), cohorts.all());
    };
    expect(pods(written)).toMatchObject([
      { digests: [], noEvidence: [{ reason: "an image volume, whose digest nodes don't report" }] },
    ]);
    expect(pods(`${repository}@${one}`)).toMatchObject([{ digests: [{ digest: one, from: 'spec' }] }]);
  });

  test('of a container that the pods lack', () => {
    const twice = template({
      containers: [
        { name: 'web', image: written },
        { name: 'more', image: 'quay.io/team/more:1' },
      ],
    });
    const [, more] = observe(decided(twice), cohortsOf({ imageId: `${repository}@${one}` }));
    expect(more).toMatchObject({ digests: [], noEvidence: [{ reason: 'no such container' }] });
  });
});

describe('all pods of a revision', () => {
  test('are counted by digest, and those without one by reason', () => {
    const pods = [
      { seconds: 1, imageId: `${repository}@${one}` },
      { seconds: 2, imageId: `${repository}@${two}` },
      { seconds: 3, imageId: `${repository}@${one}` },
      { seconds: 4 },
      { seconds: 5, imageId: `quay.io/a@${one}` },
      { seconds: 6, imageId: `quay.io/a@${two}` },
    ];
    expect(observe(decided(), cohortsOf(...pods))).toMatchObject([
      {
        digests: [
          {
            digest: one,
            pods: 2,
            oldest: expect.stringContaining('pod-1'),
            newest: expect.stringContaining('pod-3'),
          },
          { digest: two, pods: 1 },
        ],
        noEvidence: [
          { reason: 'not pulled yet', pods: 1 },
          { reason: 'imageID names another repository, quay.io/a', pods: 2 },
        ],
      },
    ]);
  });

  test('need no proof of a digest that one of them is pinned to', () => {
    const pods = [
      { seconds: 1, imageId: `${repository}@${one}` },
      { seconds: 2, image: `${repository}@${one}`, from: written },
      { seconds: 3, imageId: `${repository}@${one}` },
    ];
    expect(observe(decided(), cohortsOf(...pods))).toMatchObject([{ digests: [{ from: 'spec', pods: 3 }] }]);
  });

  test('are confirmed once for an image in two containers, of which one may run another digest', () => {
    const spec = {
      initContainers: [{ name: 'init', image: written }],
      containers: [{ name: 'web', image: written }],
    };
    const cohorts = new Cohorts();
    const status = (init: string, web: string) => ({
      initContainerStatuses: [{ name: 'init', imageID: `${repository}@${init}` }],
      containerStatuses: [{ name: 'web', imageID: `${repository}@${web}` }],
    });
    cohorts.add(runningPodSchema.parse({ metadata: {}, spec, status: status(one, one) }));
    expect(observe(decided(template(spec)), cohorts.all())).toMatchObject([
      { digests: [{ digest: one, pods: 1 }] },
    ]);
    cohorts.add(runningPodSchema.parse({ metadata: {}, spec, status: status(one, two) }));
    expect(observe(decided(template(spec)), cohorts.all())).toMatchObject([
      {
        digests: [
          { digest: one, pods: 2 },
          { digest: two, pods: 1 },
        ],
      },
    ]);
  });

  test.each([
    ['by digest', { image: `${repository}@${one}` }],
    ['never pulled', { image: written, imagePullPolicy: 'Never' }],
    ['invalid', { image: 'NOT:valid:' }],
  ])('are not asked about an image that is %s', (_, container) => {
    expect(
      observe(decided(template({ containers: [{ name: 'web', ...container }] })), cohortsOf({})),
    ).toEqual([]);
  });
});
