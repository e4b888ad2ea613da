import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { parseConfig } from '../../src/config.ts';
import { createKeyring } from '../../src/credentials/keyring.ts';
import { sha256 } from '../../src/image/digest.ts';
import type { KubernetesApi } from '../../src/kubernetes/api.ts';
import { KubernetesError } from '../../src/kubernetes/error.ts';
import { RegistryError } from '../../src/registry/error.ts';
import { RevisionDigests } from '../../src/revision/revision-digests.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { InvalidReview, parseReview, toResponse } from '../../src/webhook/review.ts';
import { createRoutes } from '../../src/webhook/routes.ts';
import { applyJsonPatch, jsonPatch } from '../support/json-patch.ts';
import { runs } from '../support/runs.ts';

/** Nothing of these has to be believable: what is tried is what becomes of the review. */
const digest = sha256('what the tag is');
const pins = JSON.stringify({ nginx: digest, 'quay.io/a:1': null });
const api: Pick<KubernetesApi, 'readMetadata' | 'read' | 'list'> = {
  async readMetadata(_resource, _namespace, name) {
    if (name === 'forbidden') throw new KubernetesError('forbidden', { status: 403, reason: 'Forbidden' });
    return { name, uid: 'u1', labels: {}, annotations: { 'pins.tagpin.dev/own.1': pins } };
  },
  async read() {
    return undefined;
  },
  async *list() {},
};
const config = parseConfig('pin: {skip: ["quay.io/skipped/**"]}', 'test');
const routes = createRoutes({
  resolver: {
    async resolve(reference) {
      if (reference.path.includes('b')) throw new RegistryError('not_found', 'no', { status: 404 });
      return { digest, source: 'registry', credential: undefined, requests: 1 };
    },
  },
  pullSecrets: { credentials: async () => ({ keyring: createKeyring([]), missing: [] }) },
  credentials: { find: async () => ({ credentials: [], failures: [] }) },
  revisions: new RevisionDigests(api),
  kubernetes: api,
  probes: api,
  settings: config.pin,
  log: createLogger('silent', { write: () => undefined }),
  metrics: new Metrics(),
});

const odd = fc.oneof(
  fc.constantFrom(
    '__proto__',
    'constructor',
    'toString',
    '',
    ' ',
    '*',
    '\u0000',
    '\u202e',
    '\ud800',
    'a/b~c',
  ),
  fc.string(),
);
const image = fc.oneof(
  {
    weight: 30,
    arbitrary: fc.constantFrom('nginx', 'quay.io/a:1', 'quay.io/skipped/x', `nginx@${digest}`, 'nginx:1.27'),
  },
  { weight: 2, arbitrary: fc.constantFrom('quay.io/b:1', '$(IMAGE)') },
  { weight: 1, arbitrary: odd },
);
/** Mostly of the right form, now and then of another. */
const mostly = <T>(right: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
  fc.oneof(
    { weight: 100, arbitrary: right },
    { weight: 1, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) },
  );
const record = (members: Record<string, fc.Arbitrary<unknown>>, ...required: string[]) =>
  fc.record(members, { requiredKeys: required }).map((value) => ({ ...value }));
const texts = fc.dictionary(odd, fc.string());

const container = record(
  {
    name: mostly(fc.oneof(fc.constantFrom('a', 'b'), odd)),
    image: mostly(image),
    imagePullPolicy: mostly(fc.constantFrom('Always', 'IfNotPresent', 'Never', 'x')),
  },
  'name',
  'image',
);
const containers = mostly(fc.array(mostly(container), { maxLength: 4 }));
const annotations = mostly(
  fc.oneof(
    texts,
    record({
      'tagpin.dev/images': fc.oneof(
        fc.json({ maxDepth: 1 }),
        fc.constant('{"__proto__":"nginx","a":"nginx"}'),
        fc.string(),
      ),
      'tagpin.dev/skip': odd,
      'pins.tagpin.dev/own.1': fc.oneof(fc.json({ maxDepth: 1 }), fc.constant(pins)),
      'kubernetes.io/config.mirror': odd,
    }),
  ),
);
const owner = record({
  apiVersion: mostly(fc.constantFrom('apps/v1', 'batch/v1', 'v1', '')),
  kind: mostly(fc.constantFrom('ReplicaSet', 'Job', 'StatefulSet', 'DaemonSet', 'ReplicationController')),
  name: mostly(fc.oneof(fc.constant('forbidden'), odd)),
  uid: mostly(fc.constantFrom('u1', 'u2', '')),
  controller: mostly(fc.boolean()),
});
const metadata = mostly(
  record({
    name: mostly(odd),
    generateName: mostly(odd),
    uid: mostly(odd),
    labels: mostly(fc.oneof(texts, fc.constant({ 'controller-revision-hash': 'web-1', app: 'a,b!=c' }))),
    annotations,
    ownerReferences: mostly(fc.array(mostly(owner), { maxLength: 2 })),
    deletionTimestamp: mostly(fc.string()),
  }),
);
const podSpec = mostly(
  record(
    {
      containers,
      initContainers: containers,
      ephemeralContainers: containers,
      volumes: mostly(
        fc.array(mostly(record({ name: odd, image: mostly(record({ reference: image })) })), {
          maxLength: 2,
        }),
      ),
      imagePullSecrets: mostly(fc.array(mostly(record({ name: odd })), { maxLength: 2 })),
      serviceAccountName: mostly(odd),
    },
    'containers',
  ),
);
const template = mostly(record({ metadata, spec: podSpec }, 'spec'));
const withSpec = (spec: fc.Arbitrary<unknown>) =>
  mostly(record({ metadata, spec: mostly(spec) }, 'metadata', 'spec'));
const templated = withSpec(
  record({ template, selector: mostly(record({ matchLabels: texts })) }, 'template'),
);
/** What is sent to a route, mostly: of which kinds, and in which form. */
const objects: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  Pod: withSpec(podSpec),
  ReplicaSet: templated,
  Job: templated,
  Deployment: templated,
  StatefulSet: templated,
  CronJob: withSpec(
    record(
      { jobTemplate: mostly(record({ spec: mostly(record({ template }, 'template')) }, 'spec')) },
      'jobTemplate',
    ),
  ),
  ControllerRevision: mostly(
    record(
      { metadata, data: mostly(record({ spec: mostly(record({ template }, 'template')) }, 'spec')) },
      'metadata',
      'data',
    ),
  ),
};
const kindsOf = (path: string) =>
  path.startsWith('/pin/')
    ? ['Pod']
    : path === '/revision'
      ? ['ReplicaSet', 'Job', 'ControllerRevision']
      : ['Deployment', 'StatefulSet', 'Job', 'CronJob'];

const reviewOf = (kind: string, object: fc.Arbitrary<unknown>) =>
  fc.record({
    apiVersion: fc.constant('admission.k8s.io/v1'),
    kind: fc.constant('AdmissionReview'),
    request: fc
      .record(
        {
          uid: fc.uuid(),
          kind: fc.record({
            group: fc.constantFrom('', ...(kind === 'Pod' ? [] : ['apps', 'batch'])),
            version: fc.constant('v1'),
            kind: fc.constant(kind),
          }),
          subResource: mostly(fc.constantFrom('ephemeralcontainers', '')),
          name: mostly(odd),
          namespace: mostly(odd),
          operation: fc.constantFrom('CREATE', 'CREATE', 'UPDATE', 'UPDATE', 'DELETE', 'CONNECT'),
          userInfo: mostly(record({ groups: mostly(fc.array(fc.constantFrom('system:nodes', 'x'))) })),
          object,
          oldObject: object,
          dryRun: mostly(fc.boolean()),
        },
        { requiredKeys: ['uid', 'kind', 'operation', 'object', 'oldObject'] },
      )
      .map((request) => ({ ...request })),
  });
const anyObject = fc.oneof(...Object.values(objects));
const sentTo = fc.constantFrom(...routes).chain((route) =>
  fc
    .oneof(
      { weight: 20, arbitrary: fc.constantFrom(...kindsOf(route.path)) },
      { weight: 1, arbitrary: fc.constantFrom('Secret', ...Object.keys(objects)) },
      { weight: 1, arbitrary: odd },
    )
    .chain((kind) => reviewOf(kind, Object.hasOwn(objects, kind) ? (objects[kind] ?? anyObject) : anyObject))
    .map((sent) => ({ route, sent })),
);

const answerSchema = z.strictObject({
  apiVersion: z.literal('admission.k8s.io/v1'),
  kind: z.literal('AdmissionReview'),
  response: z.strictObject({
    uid: z.string(),
    allowed: z.boolean(),
    status: z.strictObject({ code: z.number().min(400).max(599), message: z.string().min(1) }).optional(),
    patchType: z.literal('JSONPatch').optional(),
    patch: z.base64().optional(),
    warnings: z.array(z.string().max(256)).optional(),
  }),
});

/** No review may take longer: far above what any takes, and far below what would be felt. */
const SLOW_MS = 1_000;

test('property: every review has a valid answer, soon, and nothing else comes of it', async () => {
  const members = Object.getOwnPropertyNames(Object.prototype);
  await fc.assert(
    fc.asyncProperty(sentTo, async ({ sent, route }) => {
      const text = JSON.stringify(sent);
      const started = performance.now();
      const outcome = await admit(text, route);
      expect(performance.now() - started).toBeLessThan(SLOW_MS);
      expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(members);
      if (outcome === 'invalid') return;

      const { response } = answerSchema.parse(JSON.parse(JSON.stringify(outcome)));
      expect(response.uid).toBe(sent.request.uid);
      expect(response.status === undefined).toBe(response.allowed);
      expect(response.patch === undefined).toBe(response.patchType === undefined);
      if (route.path !== '/pin/enforce') expect(response.allowed).toBe(true);
      if (response.patch === undefined) return;
      const patch = jsonPatch.parse(JSON.parse(Buffer.from(response.patch, 'base64').toString()));
      // throws where an operation doesn't fit
      applyJsonPatch(JSON.parse(text).request.object, patch);
    }),
    runs(1, 5),
  );
}, 3_600_000);

/** What the server makes of it, without HTTP. */
async function admit(text: string, route: (typeof routes)[number]): Promise<object | 'invalid'> {
  try {
    const parsed = parseReview(text);
    return toResponse(parsed, await route.handle(parsed.request, AbortSignal.timeout(5_000)));
  } catch (error) {
    if (error instanceof InvalidReview) return 'invalid';
    throw error;
  }
}

test('property: what is no review is said to be none, whatever it is', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.json(),
        fc.string(),
        fc.jsonValue().map((value) => JSON.stringify(value)),
      ),
      (text) => {
        expect(() => parseReview(text)).toThrow(InvalidReview);
      },
    ),
    runs(),
  );
});
