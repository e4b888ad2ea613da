import { type Asked, type Check, checkOf } from './check.ts';

/** One verb on one resource. */
export interface Permission {
  verb: string;
  /** Empty for the core group. */
  group: string;
  resource: string;
  /** Undefined for a cluster-scoped resource. */
  namespace: string | undefined;
  /** Only for the object of this name. */
  name?: string;
}

const each = (verbs: string[], group: string, resources: string[], namespace: string): Permission[] =>
  resources.flatMap((resource) => verbs.map((verb) => ({ verb, group, resource, namespace })));

/** tagpin's own objects. */
export interface OwnObjects {
  namespace: string;
  secret: string;
  webhookConfiguration: string;
  /** Whether something else creates the certificate and writes the caBundle, such as cert-manager. */
  isCertificateOthers: boolean;
}

/** What the webhook needs in a namespace and for its own objects; rbac.yaml in manifests/base and overlays grants it. */
export function neededByWebhook(namespace: string, own: OwnObjects): Permission[] {
  const certificate: Permission[] = ['get', 'patch'].flatMap((verb) => [
    {
      verb,
      group: 'admissionregistration.k8s.io',
      resource: 'mutatingwebhookconfigurations',
      namespace: undefined,
      name: own.webhookConfiguration,
    },
    { verb, group: '', resource: 'secrets', namespace: own.namespace, name: own.secret },
  ]);
  return [
    ...each(['get'], '', ['secrets', 'serviceaccounts'], namespace),
    ...each(['get', 'list'], 'apps', ['replicasets', 'controllerrevisions'], namespace),
    ...each(['get'], 'batch', ['jobs'], namespace),
    ...each(['list'], '', ['pods'], namespace),
    ...(own.isCertificateOthers ? [] : certificate),
  ];
}

/** What `tagpin adopt` needs in a namespace. */
export const neededToAdopt = (namespace: string): Permission[] => [
  ...each(['list'], '', ['pods'], namespace),
  ...each(['get'], '', ['serviceaccounts', 'secrets'], namespace),
  ...each(['list'], 'apps', ['deployments'], namespace),
  ...each(['list', 'patch'], 'apps', ['replicasets', 'controllerrevisions'], namespace),
  ...each(['list', 'patch'], 'batch', ['jobs'], namespace),
];

export interface Reviewed {
  permission: Permission;
  allowed: boolean;
}

/** Whether the webhook has all permissions that it needs. */
export function webhookPermissionsCheck(
  user: string,
  namespace: string,
  asked: Asked<readonly Reviewed[]>,
): Check {
  return checkOf("webhook's permissions", asked, (reviewed) => {
    const lacking = lackingOf(reviewed);
    if (lacking.length === 0) return { result: 'ok', detail: `${user} has all ${reviewed.length}` };
    const remedy = remedyFor(lacking, namespace);
    const detail = `${user} lacks ${listed(lacking)}; ${remedy}`;
    // Without reading pull secrets and revisions there, it can't pin.
    const isHindered = lacking.some((permission) => permission.namespace === namespace);
    return {
      result: 'problem',
      detail,
      ...(isHindered && { condition: 'once the webhook has the permissions that it lacks' }),
    };
  });
}

/** Pull secrets are granted in all namespaces, or in each (manifests/components/namespaced-secrets). */
function remedyFor(lacking: readonly Permission[], namespace: string): string {
  const again = "apply tagpin's manifests again";
  const isPull = ({ resource, namespace: where, name }: Permission) =>
    where === namespace && name === undefined && (resource === 'secrets' || resource === 'serviceaccounts');
  if (!lacking.some(isPull)) return again;
  const bind =
    `kubectl apply -n ${namespace} -f manifests/components/namespaced-secrets/binding.yaml ` +
    '(with the chart: add it to namespacedSecrets.namespaces)';
  return lacking.every(isPull)
    ? `${bind}; where tagpin may read pull secrets in all namespaces, ${again}`
    : `${again}; where tagpin may read pull secrets only in some namespaces, also ${bind}`;
}

/** Whether the person may run `tagpin adopt`. */
export function ownPermissionsCheck(asked: Asked<readonly Reviewed[]>): Check {
  return checkOf('your permissions', asked, (reviewed) => {
    const lacking = lackingOf(reviewed);
    if (lacking.length === 0) return { result: 'ok', detail: 'all that tagpin adopt takes' };
    return { result: 'note', detail: `tagpin adopt would also take ${listed(lacking)}` };
  });
}

const lackingOf = (reviewed: readonly Reviewed[]): Permission[] =>
  reviewed.filter(({ allowed }) => !allowed).map(({ permission }) => permission);

function listed(permissions: readonly Permission[]): string {
  return permissions
    .map(({ verb, group, resource, namespace, name }) => {
      const what = `${resource}${group === '' ? '' : `.${group}`}${name === undefined ? '' : `/${name}`}`;
      return `${verb} ${what}${namespace === undefined ? '' : ` in ${namespace}`}`;
    })
    .join(', ');
}
