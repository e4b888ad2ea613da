import { z } from 'zod';
import { readCertificates, readKeyPair } from './pem.ts';
import { capabilities, type Mirror, type RegistrySettings, type TlsSettings } from './registry-settings.ts';
import { TrackedFiles } from './tracked-files.ts';

/** The root of an API. For a URL without a path it is the distribution specification's `/v2/`. */
const apiRoot = z
  .unknown()
  .transform((text, context) => {
    const url =
      typeof text === 'string' && /^https?:\/\//i.test(text) && URL.canParse(text)
        ? new URL(text)
        : undefined;
    if (url !== undefined && url.username + url.password + url.search + url.hash === '') {
      if (url.pathname === '/') url.pathname = '/v2/';
      else if (!url.pathname.endsWith('/')) url.pathname += '/';
      return url;
    }
    const message = 'write a URL, such as https://mirror.example.com, with no user and no query';
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  })
  .meta({ written: 'URL', type: 'string' });

const mirror = z
  .strictObject({
    endpoint: apiRoot.describe('Its URL. The path is the root of the API, `/v2/` if there is none.'),
    capabilities: z
      .array(z.enum(capabilities))
      .min(1)
      .default([...capabilities])
      .describe("containerd's capabilities. Resolving a tag needs both."),
    sendCredentials: z.boolean().default(false).describe("Whether to send it the registry's credentials."),
  })
  .transform(({ endpoint, ...rest }): Mirror => ({ root: endpoint, ...rest }));

const file = (remedy: string) => z.string(remedy).min(1, remedy).optional();

const filesOnly = z.looseObject({
  caFile: z.string().optional(),
  clientCertFile: z.string().optional(),
  clientKeyFile: z.string().optional(),
});

/** One registry in the configuration file. Its certificates are in files, which may change. */
const registry = z
  .strictObject({
    plainHttp: z.boolean().optional().describe('Use plain HTTP. By default only on the loopback interface.'),
    caFile: file('write the path of certificates in PEM').describe('Additional CAs to trust.'),
    clientCertFile: file('write the path of a certificate in PEM').describe(
      'A client certificate, if the registry asks for one.',
    ),
    clientKeyFile: file('write the path of a key in PEM').describe('Its key.'),
    insecure: z
      .boolean()
      .optional()
      .describe(
        "Don't verify the registry's certificate: anyone on the network path can then read credentials and choose digests.",
      ),
    mirrors: z.array(mirror).optional().describe('Mirrors to ask before the registry, in this order.'),
    pullThrough: z
      .array(z.string().regex(/^[^/]+(\/[^/]+)*$/, 'write a prefix without slashes around it'))
      .optional()
      .describe('Prefixes of repositories that an ECR pull-through cache serves.'),
  })
  .superRefine(
    (written, context) => {
      for (const { key, message } of readRegistry(written, new TrackedFiles()).problems) {
        context.addIssue({ code: 'custom', path: [key], message });
      }
    },
    // A mistake in another key doesn't hide one in a file.
    { when: ({ value }) => filesOnly.safeParse(value).success },
  );
export type RegistryConfig = z.infer<typeof registry>;

/** The settings of a registry, with certificates read from its files, and the problems, each with its key. */
export function readRegistry(
  { caFile, clientCertFile, clientKeyFile, insecure, ...settings }: RegistryConfig,
  files: TrackedFiles,
): { settings: RegistrySettings; problems: { key: keyof RegistryConfig; message: string }[] } {
  const problems: { key: keyof RegistryConfig; message: string }[] = [];
  const wrong = (key: keyof RegistryConfig, message: string) => problems.push({ key, message });
  let tls: TlsSettings = insecure ? { insecure } : {};
  if (caFile !== undefined) {
    const ca = readCertificates(caFile, files);
    if ('problem' in ca) wrong('caFile', ca.problem);
    else tls = { ...tls, ca: [ca.value] };
  }
  if (clientCertFile !== undefined && clientKeyFile !== undefined) {
    const pair = readKeyPair(clientCertFile, clientKeyFile, files);
    if ('value' in pair) tls = { ...tls, cert: [pair.value.cert], key: [pair.value.key] };
    else {
      for (const { of, problem } of pair.problems)
        wrong(of === 'cert' ? 'clientCertFile' : 'clientKeyFile', problem);
    }
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

/** By host, with its port if images name one. An invalid host doesn't hide other mistakes in its entry. */
export const registries = z.record(z.string(), registry).superRefine(
  (entries, context) => {
    for (const host of Object.keys(entries).filter((host) => !HOST.test(host))) {
      const message = 'write a host, with its port if images write one, and no scheme or path';
      context.addIssue({ code: 'custom', path: [host], message });
    }
  },
  { when: ({ value }) => typeof value === 'object' && value !== null },
);
