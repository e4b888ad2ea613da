/** The parts of a kubeconfig, in YAML's flow style. */
export interface Parts {
  readonly cluster?: string;
  readonly user?: string;
  readonly context?: string;
  /** By default the only one. */
  readonly current?: string;
}

/** An entry of a cluster that trusts the recorder's servers. */
export const staging = 'server: "{{staging}}", certificate-authority-data: {{ca}}';
export const production = 'server: "{{production}}", certificate-authority-data: {{ca}}';
export const aToken = 'token: letmein-token';

/** A kubeconfig with one cluster, user and context, all called `name`. */
export const kubeconfig = (
  { cluster = staging, user = aToken, context = '', current }: Parts = {},
  name = 'one',
): string => `apiVersion: v1
kind: Config
clusters:
- name: ${name}
  cluster: {${cluster}}
users:
- name: ${name}
  user: {${user}}
contexts:
- name: ${name}
  context: {cluster: ${name}, user: ${name}${context === '' ? '' : `, ${context}`}}
current-context: ${current ?? name}
`;

/** A case with this kubeconfig in `~/.kube/config`. */
export const home = (of: string, parts: Parts = {}) => ({ of, files: { '.kube/config': kubeconfig(parts) } });
