import type { FieldSpec } from './field-spec.ts';

/** Kinds of one API group, and where their pod specs and images are. */
interface KnownKinds {
  group: string;
  kinds: readonly string[];
  paths: readonly string[];
}

const below = (bases: readonly string[], paths: readonly string[]) =>
  bases.flatMap((base) => paths.map((path) => `${base}/${path}`));

/** A template of Argo Workflows (pkg/apis/workflow/v1alpha1/workflow_types.go, `Template`). */
const argoTemplate = [
  'container/image',
  'script/image',
  'initContainers/image',
  'sidecars/image',
  'containerSet/containers/image',
];
const argoWorkflow = (spec: string) => below([`${spec}/templates`, `${spec}/templateDefaults`], argoTemplate);

/** A task of Tekton (pkg/apis/pipeline/v1/task_types.go, `TaskSpec`). */
const tektonTask = ['steps/image', 'sidecars/image', 'stepTemplate/image'];
const tektonPipeline = (spec: string) =>
  below([`${spec}/tasks/taskSpec`, `${spec}/finally/taskSpec`], tektonTask);

/** A virtual machine of KubeVirt (api/core/v1/schema.go). */
const kubeVirtMachine = ['volumes/containerDisk/image', 'domain/firmware/kernelBoot/container/image'];

const table: readonly KnownKinds[] = [
  {
    group: 'argoproj.io',
    kinds: ['Rollout'],
    paths: ['spec/template/spec'],
  },
  {
    group: 'argoproj.io',
    kinds: ['Workflow', 'WorkflowTemplate', 'ClusterWorkflowTemplate'],
    paths: argoWorkflow('spec'),
  },
  { group: 'argoproj.io', kinds: ['CronWorkflow'], paths: argoWorkflow('spec/workflowSpec') },
  {
    group: 'serving.knative.dev',
    kinds: ['Service', 'Configuration'],
    paths: ['spec/template/spec'],
  },
  { group: 'serving.knative.dev', kinds: ['Revision'], paths: ['spec'] },
  { group: 'tekton.dev', kinds: ['Task', 'ClusterTask'], paths: below(['spec'], tektonTask) },
  { group: 'tekton.dev', kinds: ['TaskRun'], paths: below(['spec/taskSpec'], tektonTask) },
  { group: 'tekton.dev', kinds: ['StepAction'], paths: ['spec/image'] },
  { group: 'tekton.dev', kinds: ['Pipeline'], paths: tektonPipeline('spec') },
  { group: 'tekton.dev', kinds: ['PipelineRun'], paths: tektonPipeline('spec/pipelineSpec') },
  { group: 'kubevirt.io', kinds: ['VirtualMachineInstance'], paths: below(['spec'], kubeVirtMachine) },
  {
    group: 'kubevirt.io',
    kinds: ['VirtualMachine', 'VirtualMachineInstanceReplicaSet'],
    paths: below(['spec/template/spec'], kubeVirtMachine),
  },
  {
    group: 'monitoring.coreos.com',
    kinds: ['Prometheus', 'PrometheusAgent', 'Alertmanager', 'ThanosRuler'],
    paths: ['spec/image', 'spec/thanos/image', 'spec/containers/image', 'spec/initContainers/image'],
  },
  { group: 'apps.openshift.io', kinds: ['DeploymentConfig'], paths: ['spec/template/spec'] },
  { group: 'apps.kruise.io', kinds: ['CloneSet', 'StatefulSet', 'DaemonSet'], paths: ['spec/template/spec'] },
  { group: 'keda.sh', kinds: ['ScaledJob'], paths: ['spec/jobTargetRef/template/spec'] },
  { group: 'batch.volcano.sh', kinds: ['Job'], paths: ['spec/tasks/template/spec'] },
];

/** Where custom resources with a fixed schema have images, in any version. */
export const knownFieldSpecs: readonly FieldSpec[] = table.flatMap(({ group, kinds, paths }) =>
  kinds.flatMap((kind) => paths.map((path) => ({ group, kind, path }))),
);

/** Lists of `images` as in a kustomization: `{name, newName, newTag, digest}`. */
export const kustomizeLists: readonly FieldSpec[] = [
  { group: 'kustomize.config.k8s.io', kind: 'Kustomization', path: 'images' },
  { group: 'kustomize.config.k8s.io', kind: 'Component', path: 'images' },
  { group: 'kustomize.toolkit.fluxcd.io', kind: 'Kustomization', path: 'spec/images' },
  { group: 'helm.toolkit.fluxcd.io', kind: 'HelmRelease', path: 'spec/postRenderers/kustomize/images' },
];

/** Files that are a kustomization even if they don't say so (kustomize api/konfig/general.go). */
export const isKustomizationFile = (name: string) =>
  /(^|[/\\])(kustomization\.ya?ml|Kustomization)$/.test(name);

export const KUSTOMIZATION = { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization' };

/** What Argo, Tekton, compose and pipelines fill in when it runs. */
export const isVariable = (image: string) => /\{\{|\$/.test(image);
