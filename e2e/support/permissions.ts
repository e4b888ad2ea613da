import { z } from 'zod';
import type { Cluster } from './cluster.ts';
import { run, succeed } from './command.ts';
import { until } from './until.ts';

/** One permission of one of tagpin's roles. */
export interface Permission {
  readonly kind: 'ClusterRole' | 'Role';
  readonly role: string;
  readonly group: string;
  readonly resource: string;
  readonly verb: string;
}

/** `tagpin-revisions: get jobs.batch` */
export const nameOf = ({ role, verb, resource, group }: Permission) =>
  `${role}: ${verb} ${group === '' ? resource : `${resource}.${group}`}`;

const ruleSchema = z.looseObject({
  apiGroups: z.array(z.string()),
  resources: z.array(z.string()),
  verbs: z.array(z.string()),
});
type Rule = z.infer<typeof ruleSchema>;
const rolesSchema = z.object({
  items: z.array(
    z.object({
      kind: z.enum(['ClusterRole', 'Role']),
      metadata: z.object({ name: z.string() }),
      rules: z.array(ruleSchema),
    }),
  ),
});

/** Splits a rule into one for each resource and verb. */
const singly = (rules: readonly Rule[]): Rule[] =>
  rules.flatMap((rule) =>
    rule.apiGroups.flatMap((group) =>
      rule.resources.flatMap((resource) =>
        rule.verbs.map((verb) => ({ ...rule, apiGroups: [group], resources: [resource], verbs: [verb] })),
      ),
    ),
  );

export function permissionsOf(cluster: Cluster) {
  const kubectl = (...args: string[]) =>
    run([cluster.programs.kubectl, '--kubeconfig', cluster.kubeconfig, '--namespace=tagpin-system', ...args]);
  const roles = async () => {
    const get = ['get', 'clusterroles,roles', '--selector=app.kubernetes.io/name=tagpin', '--output=json'];
    return rolesSchema.parse(JSON.parse(await succeed(kubectl(...get)))).items;
  };
  const setRules = ({ kind, role }: Permission, rules: readonly Rule[]) =>
    succeed(kubectl('patch', kind, role, '--type=merge', `--patch=${JSON.stringify({ rules })}`));
  return {
    /** All its permissions, one by one. */
    async all(): Promise<Permission[]> {
      return (await roles()).flatMap(({ kind, metadata, rules }) =>
        singly(rules).map(({ apiGroups, resources, verbs }) => ({
          kind,
          role: metadata.name,
          group: apiGroups.join(),
          resource: resources.join(),
          verb: verbs.join(),
        })),
      );
    },
    /** Removes one of them. Returns a function that restores it, once the API server refuses the permission. */
    async without(permission: Permission): Promise<() => Promise<void>> {
      const { rules = [] } =
        (await roles()).find(
          ({ kind, metadata }) => kind === permission.kind && metadata.name === permission.role,
        ) ?? {};
      const is = ({ apiGroups, resources, verbs }: Rule) =>
        apiGroups[0] === permission.group &&
        resources[0] === permission.resource &&
        verbs[0] === permission.verb;
      const notice = (answer: 'yes' | 'no') =>
        until(`the API server to say ${answer}`, async () => {
          const resource = [permission.resource, permission.group].filter((part) => part !== '').join('.');
          const name = rules.find((rule) => singly([rule]).some(is))?.['resourceNames'];
          const target = Array.isArray(name) ? `${resource}/${name[0]}` : resource;
          const account = '--as=system:serviceaccount:tagpin-system:tagpin';
          const { stdout } = await kubectl('auth', 'can-i', permission.verb, target, account);
          return stdout.trim() === answer || undefined;
        });
      await setRules(
        permission,
        singly(rules).filter((rule) => !is(rule)),
      );
      await notice('no');
      return async () => {
        await setRules(permission, rules);
        await notice('yes');
      };
    },
  };
}
