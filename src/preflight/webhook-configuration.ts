import { z } from 'zod';
import { objectMetadata } from '../kubernetes/api.ts';
import { type Labels, meets, selector } from '../kubernetes/selector.ts';
import { type Mode, modes, OPT_IN_LABEL } from '../pin/opt-in.ts';

/** The name that sorts before those of other webhook configurations: manifests/components/called-first. */
export const CALLED_FIRST = '0-tagpin';

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

/** The webhook entry for pods in a mode. */
export const entryOf = ({ webhooks }: WebhookConfiguration, mode: Mode): WebhookEntry | undefined =>
  webhooks.find(({ name }) => name === entryName(mode));

export const entryName = (mode: Mode) => `${mode}.tagpin.dev`;

/** The modes without an entry: choosing one has no effect. */
export const modesWithoutEntry = (configuration: WebhookConfiguration): Mode[] =>
  modes.filter((mode) => entryOf(configuration, mode) === undefined);

/** The Service that the entries call. */
export const serviceOf = ({ webhooks }: WebhookConfiguration) =>
  webhooks.find(({ clientConfig }) => clientConfig.service)?.clientConfig.service ?? undefined;

/** Whether cert-manager injects the caBundle (cert-manager pkg/apis/certmanager/v1/types.go, `inject-…`). */
export const isInjected = (configuration: WebhookConfiguration | undefined) =>
  Object.keys(configuration?.metadata.annotations ?? {}).some((name) =>
    name.startsWith('cert-manager.io/inject-'),
  );

/** Whether an entry would select a namespace that opts in to its mode, by the rest of its selector. */
export function takesPart(entry: WebhookEntry, mode: Mode, namespace: string, labels: Labels): boolean {
  const opted = { ...labels, 'kubernetes.io/metadata.name': namespace, [OPT_IN_LABEL]: mode };
  return meets(entry.namespaceSelector ?? {}, opted);
}
