import { describe, expect, test } from 'vitest';
import { applyPatch, objectReview, podReview } from './admission.ts';

const pod = { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'nginx' }] } };

/** What a webhook answers. */
function response(patch?: unknown) {
  const encoded = patch && Buffer.from(JSON.stringify(patch)).toString('base64');
  return {
    response: {
      uid: 'u',
      allowed: true,
      ...(patch !== undefined && { patchType: 'JSONPatch', patch: encoded }),
    },
  };
}

describe('the review of a new pod', () => {
  const { request } = podReview(pod, { namespace: 'team' });

  test('names the resource, as asked for and as matched', () => {
    const resource = { group: '', version: 'v1', resource: 'pods' };
    expect(request).toMatchObject({
      resource,
      requestResource: resource,
      kind: { kind: 'Pod' },
      operation: 'CREATE',
    });
  });
  test('has defaulted pull policies', () => {
    expect(request.object).toMatchObject({ spec: { containers: [{ imagePullPolicy: 'Always' }] } });
  });
  test('has the default ServiceAccount', () => {
    expect(request.object).toMatchObject({ spec: { serviceAccountName: 'default' } });
  });
  test('puts the pod into the namespace of the request', () => {
    expect(request).toMatchObject({ namespace: 'team', object: { metadata: { namespace: 'team' } } });
  });
  test('has no uid of the pod yet', () => expect(request.object?.metadata).not.toHaveProperty('uid'));
  test('has a null for the old object', () => expect(request.oldObject).toBeNull());
});

test('a pod whose name is to be generated is reviewed without a name', () => {
  const { request } = podReview({ ...pod, metadata: { generateName: 'p-' } });
  expect(request).not.toHaveProperty('name');
});

test('an update has the same uid before and after', () => {
  const { request } = podReview(pod, { oldPod: pod });
  expect(request.object?.metadata.uid).toBe(request.oldObject?.metadata.uid);
});

test('ephemeral containers come as an update of their subresource', () => {
  const { request } = podReview(pod, { oldPod: pod, subResource: 'ephemeralcontainers' });
  expect(request).toMatchObject({ operation: 'UPDATE', subResource: 'ephemeralcontainers' });
});

test('a dry run says so in the options too', () => {
  const { request } = podReview(pod, { dryRun: true });
  expect(request).toMatchObject({ dryRun: true, options: { dryRun: ['All'] } });
});

test('a deletion has only the old object', () => {
  const { request } = podReview(pod, { operation: 'DELETE' });
  expect(request).toMatchObject({ object: null, oldObject: { metadata: { name: 'p' } } });
});

test('the volumes of images have defaulted pull policies', () => {
  const volumes = [{ name: 'v', image: { reference: 'nginx:1' } }];
  const { request } = podReview({ ...pod, spec: { ...pod.spec, volumes } });
  expect(request.object).toMatchObject({ spec: { volumes: [{ image: { pullPolicy: 'IfNotPresent' } }] } });
});

test('a template has defaulted pull policies', () => {
  const { request } = objectReview({
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name: 'r' },
    spec: { template: { spec: pod.spec } },
  });
  const spec = { template: { spec: { containers: [{ imagePullPolicy: 'Always' }] } } };
  expect(request).toMatchObject({ resource: { group: 'apps', resource: 'replicasets' }, object: { spec } });
});

describe('applying the answer', () => {
  test('patches the pod', () => {
    const path = '/spec/containers/0/image';
    const patched = applyPatch(pod, response([{ op: 'replace', path, value: 'nginx@sha256:1' }]));
    expect(patched.spec.containers[0]?.image).toBe('nginx@sha256:1');
  });
  test('without a patch leaves the pod as it is', () => {
    expect(applyPatch(pod, response())).toMatchObject(pod);
  });
  test('fails where the patch does not fit', () => {
    const patch = [{ op: 'replace', path: '/spec/volumes/0', value: {} }];
    expect(() => applyPatch(pod, response(patch))).toThrow('replace /spec/volumes/0');
  });
  test('fails where the webhook denies', () => {
    const denied = { response: { allowed: false, status: { message: 'not found' } } };
    expect(() => applyPatch(pod, denied)).toThrow('denied the request: not found');
  });
  test('fails where a patch comes without its type', () => {
    const { patchType: _, ...half } = response([]).response;
    expect(() => applyPatch(pod, { response: half })).toThrow('both or neither');
  });
});
