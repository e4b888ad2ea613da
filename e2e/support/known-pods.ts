import { KNOWN_HASH, type KnownPod } from './known-pod.ts';

const A = `sha256:${'a'.repeat(64)}`;
const B = `sha256:${'b'.repeat(64)}`;
const APP = 'registry.example.com:5000/team/app:1.2';

/** Stored under a key of an object that has no hash. */
const own = (pins: unknown, time = 'mwup954p') => ({ [`pins.tagpin.dev/own.${time}`]: JSON.stringify(pins) });
const container = (name: string, image: string, more: object = {}) => ({ name, image, ...more });
const app = { containers: [container('app', APP)] };
const stored = own({ [APP]: A });

/**
 * A pod for each thing that decides what becomes of one.
 *
 * @param real an image that a registry has, for those that the webhook has to resolve
 */
export const knownPods = (real: string): KnownPod[] => [
  { name: 'of a ReplicaSet', stored, spec: app },
  { name: 'of a Job', of: 'Job', stored, spec: app },
  {
    name: 'of a StatefulSet',
    of: 'StatefulSet',
    labels: { 'controller.kubernetes.io/hash': 'x' },
    stored: { 'pins.tagpin.dev/x.mwup954p': JSON.stringify({ [APP]: A }) },
    spec: app,
  },
  {
    name: 'of a DaemonSet',
    of: 'DaemonSet',
    labels: { 'controller-revision-hash': KNOWN_HASH },
    stored: { [`pins.tagpin.dev/${KNOWN_HASH}.mwup954p`]: JSON.stringify({ [APP]: A }) },
    spec: app,
  },
  { name: 'of a CloneSet', of: 'CloneSet', stored, spec: app },
  {
    name: "of a Deployment's ReplicaSet",
    labels: { 'pod-template-hash': 'x', 'rollouts-pod-template-hash': 'y' },
    stored: {
      'pins.tagpin.dev/x.mwup954p': JSON.stringify({ [APP]: A }),
      'pins.tagpin.dev/y.zzzzzzzz': JSON.stringify({ [APP]: B }),
    },
    spec: app,
  },
  {
    name: "of an Argo Rollout's ReplicaSet",
    labels: { 'rollouts-pod-template-hash': 'x' },
    stored: { 'pins.tagpin.dev/x.mwup954p': JSON.stringify({ [APP]: A }) },
    spec: app,
  },
  {
    name: 'of a ReplicaSet whose hash is too long for a key',
    labels: { 'pod-template-hash': 'x'.repeat(51) },
    stored,
    spec: app,
  },
  {
    name: 'with every kind of place that has an image',
    stored: own({ [APP]: A, nginx: B }),
    spec: {
      initContainers: [
        container('first', 'nginx'),
        container('proxy', APP, { restartPolicy: 'Always', env: [{ name: 'a', value: 'b' }] }),
        container('last', 'nginx'),
      ],
      containers: [container('web', 'nginx', { args: ['-v'] }), container('app', APP)],
      volumes: [
        { name: 'empty', emptyDir: {} },
        { name: 'data', image: { reference: APP, pullPolicy: 'Always' } },
        { name: 'site', image: { reference: 'nginx' } },
      ],
    },
  },
  {
    name: 'with images in all spellings',
    stored: own({
      nginx: A,
      'nginx:1.27': B,
      'localhost/app': A,
      'registry.example.com:5000/app': B,
      '[::1]:5000/a/b__c.d-e:F_g.1-2': A,
      'team/app': `sha512:${'c'.repeat(128)}`,
    }),
    spec: {
      containers: [
        'nginx',
        'nginx:1.27',
        'localhost/app',
        'registry.example.com:5000/app',
        '[::1]:5000/a/b__c.d-e:F_g.1-2',
        'team/app',
      ].map((image, index) => container(`app-${index}`, image)),
    },
  },
  {
    name: 'with one image by digest, one that is never pulled, and a volume like that',
    stored: own({ [APP]: A, nginx: B }),
    spec: {
      containers: [
        container('digest', `nginx@${A}`, { imagePullPolicy: 'Always' }),
        container('never', 'nginx', { imagePullPolicy: 'Never' }),
        container('app', APP),
      ],
      volumes: [{ name: 'data', image: { reference: 'nginx', pullPolicy: 'Never' } }],
    },
  },
  { name: 'that skips all', stored, annotations: { 'tagpin.dev/skip': 'x, *' }, spec: app },
  {
    name: 'that skips a container and a volume by name',
    stored: own({ [APP]: A, nginx: B }),
    annotations: { 'tagpin.dev/skip': ' first\t,, data', team: 'blue' },
    spec: {
      initContainers: [container('first', 'nginx')],
      ...app,
      volumes: [{ name: 'data', image: { reference: 'nginx' } }],
    },
  },
  {
    name: 'whose containers are named by numbers',
    stored,
    spec: { containers: ['b', '10', '2', 'a-b', 'a'].map((name) => container(name, APP)) },
  },
  {
    name: 'with a volume that is named like a container',
    stored: own({ [APP]: A, nginx: B }),
    spec: { ...app, volumes: [{ name: 'app', image: { reference: 'nginx' } }] },
  },
  {
    name: 'whose annotations leave no room for what was written',
    stored,
    annotations: { full: 'ä'.repeat(128 * 1024 - 20) },
    spec: app,
  },
  {
    name: 'with 100 images',
    stored: own(Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`${APP}.${index}`, A]))),
    spec: {
      containers: Array.from({ length: 100 }, (_, index) => container(`app-${index}`, `${APP}.${index}`)),
    },
  },
  {
    name: 'of a revision with a newer key, in which the time has more digits',
    stored: { ...own({ [APP]: B }, 'zzzzzzzz'), ...own({ [APP]: A }, '100000000') },
    spec: app,
  },
  {
    name: 'of a revision with a newer key of as many digits',
    stored: { ...own({ [APP]: B }, 'mwup954p'), ...own({ [APP]: A }, 'mwup95a0') },
    spec: app,
  },
  {
    name: "of a revision with others' keys",
    stored: {
      ...stored,
      'pins.tagpin.dev/own.x.zzzzzzzz': JSON.stringify({ [APP]: B }),
      'pins.tagpin.dev/other.zzzzzzzz': JSON.stringify({ [APP]: B }),
    },
    spec: app,
  },
  // From here on, the webhook has something to do.
  {
    name: 'with an image that was not resolved, and one that is not of the template',
    stored: own({ [APP]: A, [real]: null }),
    spec: {
      containers: [container('app', APP), container('lacking', real)],
      initContainers: [container('proxy', `${real}@${A}`), container('injected', real)],
    },
    left: ['lacking', 'injected'],
  },
  {
    name: 'that remembers what it was pinned from, as a copy of another does',
    stored: own({ [real]: A }),
    annotations: { 'tagpin.dev/images': '{"old":"nginx","app":"nginx:1"}' },
    spec: { containers: [container('app', real), container('old', `nginx@${B}`)] },
    left: 'all',
  },
  ...(
    [
      ['controls nothing', { controller: false }],
      ['has another uid', { uid: '00000000-0000-4000-8000-000000000000' }],
      ['has another name', { name: 'other' }],
      ['is of another kind', { kind: 'ReplicationController', apiVersion: 'v1' }],
      ['is of another group', { apiVersion: 'example.com/v1' }],
    ] as const
  ).map(
    ([what, owner]): KnownPod => ({
      name: `whose owner ${what}`,
      stored: own({ [real]: A }),
      owner,
      spec: { containers: [container('app', real)] },
      left: 'all',
    }),
  ),
  ...(
    [
      ['with spaces', { 'pins.tagpin.dev/own.mwup954p': `{ "${real}": "${A}" }` }],
      ['with an escape', { 'pins.tagpin.dev/own.mwup954p': `{"\\u0061":"${B}","${real}":"${A}"}` }],
      ['twice', { 'pins.tagpin.dev/own.mwup954p': `{"${real}":"${B}","${real}":"${A}"}` }],
      ['with something else', { 'pins.tagpin.dev/own.mwup954p': `{"${real}":"${A}","nginx":"later"}` }],
      ['under a time with a zero before it', own({ [real]: A }, '0mwup954p')],
    ] as const
  ).map(
    ([how, stored]): KnownPod => ({
      name: `of a revision that stores it ${how}`,
      stored,
      spec: { containers: [container('app', real)] },
      left: 'all',
    }),
  ),
  {
    name: 'of a revision that cannot be read',
    stored: { 'pins.tagpin.dev/own.mwup954p': `{"${real}":"${A}",` },
    spec: { containers: [container('app', real)] },
    left: 'all',
  },
];
