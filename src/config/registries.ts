import { z } from 'zod';
import { Files } from './files.ts';
import { readCertificates, readKeyPair } from './pem.ts';
import { capabilities, type Mirror, type RegistrySettings, type TlsSettings } from './registry-settings.ts';

/** The root of an API: where a URL has no path of its own, that of the distribution specification. */
const apiRoot = z.string().transform((text, context) => {
  const url = /^https?:\/\//i.test(text) && URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && url.username + url.password + url.search + url.hash === '') {
    if (url.pathname === '/') url.pathname = '/v2/';
    else if (!url.pathname.endsWith('/')) url.pathname += '/';
    return url;
  }
  const message = 'write a URL, such as https://mirror.example.com, with no user and no query';
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

const mirror = z
  .strictObject({
    endpoint: apiRoot,
    capabilities: z
      .array(z.enum(capabilities))
      .min(1)
      .default([...capabilities]),
    sendCredentials: z.boolean().default(false),
  })
  .transform(({ endpoint, ...rest }): Mirror => ({ root: endpoint, ...rest }));

const file = z.string().min(1).optional();

/** What the configuration file says of one registry; its certificates are in files, which may change. */
const registry = z
  .strictObject({
    /** Speak plain HTTP to it. */
    plainHttp: z.boolean().optional(),
    /** Further CAs to trust. */
    caFile: file,
    /** A client certificate, if the registry asks for one. */
    clientCertFile: file,
    clientKeyFile: file,
    /** Don't check the registry's certificate: whoever is on the way can read credentials and change digests. */
    insecure: z.boolean().optional(),
    /** Asked before the registry, in this order. */
    mirrors: z.array(mirror).optional(),
    /** Prefixes of repositories that an ECR pull-through cache fills. */
    pullThrough: z
      .array(z.string().regex(/^[^/]+(\/[^/]+)*$/, 'write a prefix without slashes around it'))
      .optional(),
  })
  .superRefine((written, context) => {
    for (const { key, message } of readRegistry(written, new Files()).problems) {
      context.addIssue({ code: 'custom', path: [key], message });
    }
  });
export type RegistryConfig = z.infer<typeof registry>;

/** The settings of a registry with the certificates in its files, and what is wrong with them, each with its key. */
export function readRegistry(
  { caFile, clientCertFile, clientKeyFile, insecure, ...settings }: RegistryConfig,
  files: Files,
): { settings: RegistrySettings; problems: { key: string; message: string }[] } {
  const problems: { key: string; message: string }[] = [];
  const wrong = (key: string, message: string) => problems.push({ key, message });
  let tls: TlsSettings = insecure ? { insecure } : {};
  if (caFile !== undefined) {
    const ca = readCertificates(caFile, files);
    if ('problem' in ca) wrong('caFile', ca.problem);
    else tls = { ...tls, ca: [ca.value] };
  }
  if (clientCertFile !== undefined && clientKeyFile !== undefined) {
    const pair = readKeyPair(clientCertFile, clientKeyFile, files);
    if ('problem' in pair) wrong('clientCertFile', pair.problem);
    else tls = { ...tls, cert: [pair.value.cert], key: [pair.value.key] };
  } else if (clientCertFile !== clientKeyFile) {
    const [missing, given] =
      clientKeyFile === undefined
        ? (['clientKeyFile', 'clientCertFile'] as const)
        : (['clientCertFile', 'clientKeyFile'] as const);
    wrong(missing, `it belongs to ${given}; write both or neither`);
  }
  const usesTls = Object.keys(tls).length > 0;
  if (settings.plainHttp && usesTls)
    wrong('plainHttp', 'plain HTTP has no use for certificates; write one or the other');
  return { settings: { ...settings, ...(usesTls && { tls }) }, problems };
}

const HOST = /^[^/\s@]+$/;

/** By host, with the port where images write one. A wrong host hides no other mistake of its entry. */
export const registries = z.record(z.string(), registry).superRefine(
  (entries, context) => {
    for (const host of Object.keys(entries).filter((host) => !HOST.test(host))) {
      const message = 'write a host, with its port if images write one, and no scheme or path';
      context.addIssue({ code: 'custom', path: [host], message });
    }
  },
  { when: ({ value }) => typeof value === 'object' && value !== null },
);
