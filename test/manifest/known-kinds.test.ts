import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { find, imagesIn } from './pinning.ts';

const container = { name: 'c', image: 'team/a:1' };
const podSpec = { initContainers: [{ name: 'i', image: 'team/b:1' }], containers: [container] };
const taskSpec = { steps: [container], sidecars: [{ image: 'team/b:1' }] };
const machine = { volumes: [{ containerDisk: { image: 'team/a:1' } }, { emptyDisk: {} }] };
const object = (apiVersion: string, kind: string, spec: unknown) => stringify({ apiVersion, kind, spec });

describe('images are found in', () => {
  test.each([
    ['argoproj.io/v1alpha1', 'Rollout', { template: { spec: podSpec } }, 2],
    [
      'argoproj.io/v1alpha1',
      'Workflow',
      { templates: [{ container }, { script: container }, { dag: {} }] },
      2,
    ],
    ['argoproj.io/v1alpha1', 'WorkflowTemplate', { templateDefaults: { container } }, 1],
    ['argoproj.io/v1alpha1', 'CronWorkflow', { workflowSpec: { templates: [{ sidecars: [container] }] } }, 1],
    ['serving.knative.dev/v1', 'Service', { template: { spec: podSpec } }, 2],
    ['tekton.dev/v1', 'Task', taskSpec, 2],
    ['tekton.dev/v1beta1', 'TaskRun', { taskSpec }, 2],
    ['tekton.dev/v1', 'Pipeline', { tasks: [{ taskSpec }, { taskRef: {} }], finally: [{ taskSpec }] }, 4],
    ['tekton.dev/v1', 'PipelineRun', { pipelineSpec: { tasks: [{ taskSpec }] } }, 2],
    ['kubevirt.io/v1', 'VirtualMachine', { template: { spec: machine } }, 1],
    ['kubevirt.io/v1', 'VirtualMachineInstance', machine, 1],
    [
      'monitoring.coreos.com/v1',
      'Prometheus',
      { image: 'team/a:1', thanos: { image: 'team/b:1' }, containers: [{ name: 'x' }] },
      2,
    ],
    ['monitoring.coreos.com/v1', 'Alertmanager', { image: 'team/a:1' }, 1],
  ])('%s %s', (apiVersion, kind, spec, count) => {
    const { images, mistakes, passedBy } = find(object(apiVersion, kind, spec));
    expect({ count: images.length, mistakes, passedBy }).toEqual({ count, mistakes: [], passedBy: [] });
  });
});

test('what is filled in when it runs is named, and left', () => {
  const text = object('tekton.dev/v1', 'Task', { steps: [{ image: '$(params.image)' }, container] });
  const { images, warnings, mistakes, passedBy } = find(text);
  expect({ count: images.length, mistakes, passedBy }).toEqual({ count: 1, mistakes: [], passedBy: [] });
  expect(warnings).toMatchObject([
    { field: 'spec.steps[0].image', message: expect.stringContaining('pin it where its value is written') },
  ]);
});

describe('what looks like an image in a kind that is not known', () => {
  test('is named with the field that takes it', () => {
    const spec = {
      image: 'team/a:1',
      jobs: [{ image: 'b:1' }, { sidecarImage: 'c/d' }],
      'x/y': { image: 'e:1' },
    };
    const text = object('example.com/v1', 'App', spec);
    const fields = find(text).passedBy.map(({ field }) => field);
    expect(fields).toEqual([
      'App.example.com:spec/image',
      'App.example.com:spec/jobs[]/image',
      'App.example.com:spec/jobs[]/sidecarImage',
      'App.example.com:spec/x\\/y/image',
    ]);
    const paths = fields.map((field) => ({ path: field.slice(field.indexOf(':') + 1) }));
    expect(imagesIn(text, paths)).toHaveLength(4);
    expect(find(text, paths).passedBy).toEqual([]);
  });

  test.each([
    ['a word', 'example.com/v1', { image: 'web' }],
    ['an image by digest', 'example.com/v1', { image: `a/b@sha256:${'a'.repeat(64)}` }],
    ["a kind of Kubernetes' own", 'gateway.networking.k8s.io/v1', { image: 'a:1' }],
    ['a schema', 'apiextensions.k8s.io/v1', { properties: { image: { default: 'a:1' } } }],
  ])('is not %s', (_what, apiVersion, spec) => {
    expect(find(object(apiVersion, 'App', spec)).passedBy).toEqual([]);
  });
});
