import { z } from 'zod';
import { objectMetadata } from '../kubernetes/api.ts';
import { type Mode, modes, OPT_IN_LABEL } from '../pin/opt-in.ts';

const requirement = z.object({
  key: z.string(),
  operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
  values: z.array(z.string()).nullish(),
});

const selector = z.object({
  matchLabels: z.record(z.string(), z.string()).nullish(),
  matchExpressions: z.array(requirement).nullish(),
});
export type Selector = z.infer<typeof selector>;

/** What preflight reads of the MutatingWebhookConfiguration. */
export const webhookConfigurationSchema = z.object({
  metadata: objectMetadata,
  webhooks: z
    .array(
      z.object({
        name: z.string(),
        clientConfig: z.object({
          caBundle: z.string().default(''),
          service: z.object({ namespace: z.string(), name: z.string() }).nullish(),
        }),
        failurePolicy: z.string().default('Fail'),
        namespaceSelector: selector.nullish(),
      }),
    )
    .nullish()
    .transform((webhooks) => webhooks ?? []),
});
export type WebhookConfiguration = z.infer<typeof webhookConfigurationSchema>;
export type WebhookEntry = WebhookConfiguration['webhooks'][number];

/** The entry that pods of a mode go through. */
export const entryOf = ({ webhooks }: WebhookConfiguration, mode: Mode): WebhookEntry | undefined =>
  webhooks.find(({ name }) => name === entryName(mode));

export const entryName = (mode: Mode) => `${mode}.tagpin.dev`;

/** The modes that have no entry: nothing happens where they are chosen. */
export const modesWithoutEntry = (configuration: WebhookConfiguration): Mode[] =>
  modes.filter((mode) => entryOf(configuration, mode) === undefined);

/** The Service that its entries lead to. */
export const serviceOf = ({ webhooks }: WebhookConfiguration) =>
  webhooks.find(({ clientConfig }) => clientConfig.service)?.clientConfig.service ?? undefined;

/** Whether cert-manager fills in the caBundle (cert-manager pkg/apis/certmanager/v1/types.go, `inject-…`). */
export const isInjected = (configuration: WebhookConfiguration | undefined) =>
  Object.keys(configuration?.metadata.annotations ?? {}).some((name) =>
    name.startsWith('cert-manager.io/inject-'),
  );

type Labels = Readonly<Record<string, string>>;

/** Whether an entry is for a namespace that opts in to its mode, by whatever else its selector says. */
export function takesPart(entry: WebhookEntry, mode: Mode, namespace: string, labels: Labels): boolean {
  const opted = { ...labels, 'kubernetes.io/metadata.name': namespace, [OPT_IN_LABEL]: mode };
  return meets(entry.namespaceSelector ?? {}, opted);
}

/** As the API server reads a selector (apimachinery pkg/apis/meta/v1/helpers.go); an empty one is met by all. */
export function meets({ matchLabels, matchExpressions }: Selector, labels: Labels): boolean {
  const all = [
    ...Object.entries(matchLabels ?? {}).map(([key, value]) => ({ key, operator: 'In', values: [value] })),
    ...(matchExpressions ?? []),
  ];
  return all.every(({ key, operator, values }) => {
    const value = labels[key];
    const isListed = value !== undefined && (values ?? []).includes(value);
    switch (operator) {
      case 'In':
        return isListed;
      case 'NotIn':
        return !isListed;
      case 'Exists':
        return value !== undefined;
      default:
        return value === undefined;
    }
  });
}
