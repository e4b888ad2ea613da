import { accessSync, constants } from 'node:fs';
import { whyUnreadable } from '../../system-error.ts';
import type { ClusterEntry, ExecEntry, UserEntry } from './kubeconfig.ts';

/*
 * What client-go refuses before it sends anything (tools/clientcmd/validation.go, `validateClusterInfo`, `validateAuthInfo`),
 * each with what to correct.
 */

/** What is wrong with a cluster's entry. */
export function clusterProblems(cluster: ClusterEntry): string[] {
  const {
    'proxy-url': proxyUrl,
    'certificate-authority': caFile,
    'certificate-authority-data': ca,
  } = cluster;
  return [
    ...(proxyUrl !== '' && !isProxy(proxyUrl)
      ? ['proxy-url is no URL of a proxy; write one with http, https or socks5']
      : []),
    ...twice('certificate-authority', caFile, ca),
    ...unreadable('certificate-authority', caFile),
  ];
}

const isProxy = (url: string) => URL.canParse(url) && /^(?:https?|socks5):$/.test(new URL(url).protocol);

/** What is wrong with a user's entry. */
export function userProblems(user: UserEntry): string[] {
  const { 'client-certificate': certFile, 'client-certificate-data': cert, token, username, password } = user;
  const { 'client-key': keyFile, 'client-key-data': key } = user;
  const hasCertificate = certFile !== '' || cert.length > 0;
  const impersonates =
    user['as-uid'] !== '' || user['as-groups'].length > 0 || Object.keys(user['as-user-extra']).length > 0;
  return [
    ...(hasCertificate
      ? [
          ...twice('client-certificate', certFile, cert),
          ...twice('client-key', keyFile, key),
          ...(keyFile === '' && key.length === 0
            ? ['client-certificate needs a client-key or client-key-data; add it']
            : []),
          ...unreadable('client-certificate', certFile),
          ...unreadable('client-key', keyFile),
        ]
      : []),
    ...(user.exec == null ? [] : execProblems(user.exec)),
    ...(user.exec != null && user['auth-provider'] != null
      ? ['exec and auth-provider exclude each other; remove one']
      : []),
    ...(token !== '' && (username !== '' || password !== '')
      ? ['token and username exclude each other; remove one']
      : []),
    ...(impersonates && user.as === ''
      ? ['as-uid, as-groups and as-user-extra need a user in as; add it']
      : []),
  ];
}

const INTERACTIVE_MODES = ['Never', 'IfAvailable', 'Always'];

function execProblems({ command, apiVersion, env, interactiveMode }: ExecEntry): string[] {
  return [
    ...(command === '' ? ['exec.command is missing; name the plugin'] : []),
    ...(apiVersion === '' ? ['exec.apiVersion is missing; write client.authentication.k8s.io/v1'] : []),
    ...(env.some(({ name }) => name === '') ? ['a variable of exec.env has no name; add it'] : []),
    ...(INTERACTIVE_MODES.includes(interactiveMode) ||
    (interactiveMode === '' && /^client\.authentication\.k8s\.io\/v1(?:alpha|beta)1$/.test(apiVersion))
      ? []
      : [`exec.interactiveMode is to be one of ${INTERACTIVE_MODES.join(', ')}; correct it`]),
  ];
}

const twice = (field: string, file: string, data: Uint8Array) =>
  file !== '' && data.length > 0 ? [`${field} and ${field}-data exclude each other; remove one`] : [];

function unreadable(field: string, file: string): string[] {
  if (file === '') return [];
  try {
    accessSync(file, constants.R_OK);
    return [];
  } catch (error) {
    return [
      `${field} ${file} can't be read: ${whyUnreadable(error) ?? 'it is out of reach'}; correct the path`,
    ];
  }
}
