import { z } from 'zod';
import { parseJson } from '../json.ts';
import { noCredentials } from './error.ts';
import type { AuthProviderEntry } from './kubeconfig/kubeconfig.ts';

/** A token that is about to expire isn't used (client-go plugin/pkg/client/auth/oidc/oidc.go, `expiryDelta`). */
const LEEWAY_MS = 10_000;

const claims = z.object({ exp: z.number() });

/**
 * The id-token of a kubeconfig's `auth-provider`. kubectl knows only `oidc`, and renews a token that has expired. That is left
 * to it, because the new refresh token has to be written to the kubeconfig.
 *
 * @throws KubernetesError with a remedy
 */
export function idToken({ name, config }: AuthProviderEntry, user: string): string {
  if (name !== 'oidc') {
    throw noCredentials(
      `the auth-provider "${name}" of user "${user}" is unknown, as to kubectl`,
      'use a credential plugin (exec), such as gke-gcloud-auth-plugin or kubelogin',
    );
  }
  const token = config['id-token'] ?? '';
  const [, payload = ''] = token.split('.');
  const parsed = claims.safeParse(parseJson(Buffer.from(payload, 'base64url').toString('utf8')));
  if (parsed.success && Date.now() + LEEWAY_MS < parsed.data.exp * 1_000) return token;
  throw noCredentials(
    `the id-token of user "${user}" has expired`,
    'run kubectl get namespaces, which renews it, and try again',
  );
}
