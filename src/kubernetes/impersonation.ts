import type { UserEntry } from './kubeconfig/kubeconfig.ts';

/** The headers of requests in another's name (client-go transport/round_trippers.go, `impersonatingRoundTripper`). */
export function impersonationHeaders(user: UserEntry): Record<string, string | string[]> {
  if (user.as === '') return {};
  const extra = Object.entries(user['as-user-extra']).map(([key, values]) => [
    `impersonate-extra-${escapedKey(key)}`,
    values,
  ]);
  return {
    'impersonate-user': user.as,
    ...(user['as-uid'] !== '' && { 'impersonate-uid': user['as-uid'] }),
    ...(user['as-groups'].length > 0 && { 'impersonate-group': user['as-groups'] }),
    ...Object.fromEntries(extra),
  };
}

/** What a header's name can't contain is percent-encoded (transport/round_trippers.go, `headerKeyEscape`). */
const escapedKey = (key: string) =>
  [...Buffer.from(key)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[!#$&'*+.^_`|~0-9A-Za-z-]/.test(character)
        ? character
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');
