import { z } from 'zod';
import { succeed } from './command.ts';
import type { Manifest, Namespace } from './namespace.ts';
import { on } from './rollout.ts';

/** A rule of RBAC. */
export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

const kubeconfigSchema = z.looseObject({ users: z.array(z.object({ name: z.string() })) });

/** A kubeconfig with only these permissions in the namespace; and cluster-wide ones, if rules for the cluster are given. */
export async function kubeconfigFor(
  namespace: Namespace,
  name: string,
  rules: readonly Rule[],
  clusterRules: readonly Rule[] = [],
): Promise<string> {
  const subjects = [{ kind: 'ServiceAccount', name, namespace: namespace.name }];
  const bound = (prefix: string, role: string, own: readonly Rule[]): Manifest[] => [
    { ...typed(`${prefix}Role`, role), rules: own },
    {
      ...typed(`${prefix}RoleBinding`, role),
      roleRef: { apiGroup: GROUP, kind: `${prefix}Role`, name: role },
      subjects,
    },
  ];
  await succeed(
    namespace.apply(
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } },
      ...bound('', name, rules),
      ...(clusterRules.length === 0 ? [] : bound('Cluster', `${namespace.name}-${name}`, clusterRules)),
    ),
  );
  return await kubeconfigAs(namespace, name);
}

/** A kubeconfig of a ServiceAccount of the namespace. */
export async function kubeconfigAs(namespace: Namespace, account: string): Promise<string> {
  const token = await on(namespace, 'create', 'token', account);
  const text = await on(namespace, 'config', 'view', '--raw', '--minify', '--output', 'json');
  const config = kubeconfigSchema.parse(JSON.parse(text));
  return JSON.stringify({ ...config, users: config.users.map((user) => ({ ...user, user: { token } })) });
}

const GROUP = 'rbac.authorization.k8s.io';
const typed = (kind: string, name: string) => ({ apiVersion: `${GROUP}/v1`, kind, metadata: { name } });
