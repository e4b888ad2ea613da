import { z } from 'zod';

/** The version of all Kubernetes programs. */
export const kubernetes = '1.37.2';

export const binaryName = z.enum([
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'kube-proxy',
  'kubectl',
  'crane',
  'helm',
  'kustomize',
  'registry',
  'gitea',
  'actionlint',
]);
export type BinaryName = z.infer<typeof binaryName>;

/** The source of a program: a package of a Go module, at a version. */
export interface Source {
  readonly module: string;
  readonly version: string;
  readonly package: string;
  readonly tags?: string;
  /** Built inside its own module, because that has replace directives. They may not point to folders. */
  readonly inside?: true;
  /** A folder of the module that the program reads at run time; it is copied beside it, to NAME.files. */
  readonly files?: string;
}

const ofKubernetes = (name: string): Source => ({
  module: 'k8s.io/kubernetes',
  version: `v${kubernetes}`,
  package: `k8s.io/kubernetes/cmd/${name}`,
});

export const sources: Readonly<Record<BinaryName, Source>> = {
  etcd: { module: 'go.etcd.io/etcd/server/v3', version: 'v3.7.3', package: 'go.etcd.io/etcd/server/v3' },
  'kube-apiserver': ofKubernetes('kube-apiserver'),
  'kube-controller-manager': ofKubernetes('kube-controller-manager'),
  'kube-scheduler': ofKubernetes('kube-scheduler'),
  kubelet: ofKubernetes('kubelet'),
  'kube-proxy': ofKubernetes('kube-proxy'),
  kubectl: ofKubernetes('kubectl'),
  crane: {
    module: 'github.com/google/go-containerregistry',
    version: 'v0.22.1',
    package: 'github.com/google/go-containerregistry/cmd/crane',
  },
  helm: { module: 'helm.sh/helm/v4', version: 'v4.3.1', package: 'helm.sh/helm/v4/cmd/helm' },
  kustomize: {
    module: 'sigs.k8s.io/kustomize/kustomize/v5',
    version: 'v5.8.2',
    package: 'sigs.k8s.io/kustomize/kustomize/v5',
  },
  registry: {
    module: 'github.com/distribution/distribution/v3',
    version: 'v3.1.2',
    package: 'github.com/distribution/distribution/v3/cmd/registry',
  },
  // The newest whose whole source the Go module proxy has. Without the web pages, because Go alone can't build them.
  gitea: {
    module: 'code.gitea.io/gitea',
    version: 'v1.26.0',
    package: 'code.gitea.io/gitea',
    tags: 'sqlite,sqlite_unlock_notify',
    inside: true,
    files: 'options',
  },
  actionlint: {
    module: 'github.com/rhysd/actionlint',
    version: 'v1.7.12',
    package: 'github.com/rhysd/actionlint/cmd/actionlint',
  },
};
