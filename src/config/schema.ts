import { z } from 'zod';
import { clouds } from '../credentials/cloud/cloud-registry.ts';
import { CredentialError } from '../credentials/credential.ts';
import { DockerConfigFile } from '../credentials/docker-config-file.ts';
import { DURATION, parseDuration } from '../duration.ts';
import { modes } from '../pin/opt-in.ts';
import { whenGone } from '../pin/settings.ts';
import { logLevels } from '../telemetry/log.ts';
import { readHostsDirectories } from './hosts-directory.ts';
import { readKeyPair } from './pem.ts';
import { registries } from './registry-config.ts';
import { TrackedFiles } from './tracked-files.ts';

/** A duration within bounds, as whole milliseconds. */
const duration = (least: string, most: string) =>
  z
    .unknown()
    .transform((value, context) => {
      const milliseconds = typeof value === 'string' ? parseDuration(value) : undefined;
      const [from = 0, to = 0] = [parseDuration(least), parseDuration(most)];
      if (milliseconds !== undefined && milliseconds >= from && milliseconds <= to)
        return Math.round(milliseconds);
      context.addIssue({ code: 'custom', message: `write a duration from ${least} to ${most}, such as 30s` });
      return z.NEVER;
    })
    .meta({ written: `duration, ${least} to ${most}`, type: 'string', pattern: DURATION.source });

const units = { '': 1, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 } as const;
const SIZE = /^(\d{1,12})(|Ki|Mi|Gi)$/;

/** A size within bounds, in Kubernetes' notation (`64Mi`), as bytes. */
const size = (least: string, most: string) =>
  z
    .unknown()
    .transform((value, context) => {
      const bytes = parseSize(String(value));
      const [from = 0, to = 0] = [parseSize(least), parseSize(most)];
      if (bytes !== undefined && bytes >= from && bytes <= to) return bytes;
      context.addIssue({ code: 'custom', message: `write a size from ${least} to ${most}, such as 64Mi` });
      return z.NEVER;
    })
    .meta({ written: `size, ${least} to ${most}`, type: ['string', 'integer'], pattern: SIZE.source });

function parseSize(text: string): number | undefined {
  const [, number, unit] = SIZE.exec(text) ?? [];
  const factor = Object.entries(units).find(([name]) => name === unit)?.[1];
  return number === undefined || factor === undefined ? undefined : Number(number) * factor;
}

/** A whole number within bounds; `what` names it in the remedy. */
const whole = (least: number, most: number, what = 'whole number') => {
  const remedy = `write a ${what} from ${least} to ${most}`;
  return z.int(remedy).min(least, remedy).max(most, remedy);
};

const port = whole(1, 65_535, 'port number');
const name = (of: string) => z.string().min(1, `write the name of the ${of}`);

const path = (of: string) => {
  const remedy = `write the path of the ${of}, a file in PEM`;
  return z.string(remedy).min(1, remedy);
};

/** Paths of a certificate and its key, which must be readable at startup. */
const certificateFiles = z
  .strictObject({
    certFile: path('certificate').describe('The certificate, with any intermediate certificates.'),
    keyFile: path('key').describe('Its private key. Both files are read again every 10 seconds.'),
  })
  .superRefine(({ certFile, keyFile }, context) => {
    const pair = readKeyPair(certFile, keyFile, new TrackedFiles());
    if ('value' in pair) return;
    for (const { of, problem } of pair.problems) {
      context.addIssue({ code: 'custom', path: [`${of}File`], message: problem });
    }
  });
export type CertificateFiles = z.infer<typeof certificateFiles>;

/** The path of a docker config, which must be readable at startup. */
const dockerConfigPath = z
  .string()
  .min(1, 'write the path of a docker config')
  .superRefine((path, context) => {
    if (path === '') return;
    try {
      new DockerConfigFile(path);
    } catch (error) {
      if (!(error instanceof CredentialError)) throw error;
      context.addIssue({ code: 'custom', message: `${error.message}; ${error.remedy}` });
    }
  });

const certsDirectory = z
  .string()
  .min(1, 'write the path of a folder, such as /etc/containerd/certs.d')
  .superRefine((root, context) => {
    if (root === '') return;
    const { problems } = readHostsDirectories(root, new TrackedFiles());
    for (const message of problems) context.addIssue({ code: 'custom', message });
  });

const log = z.strictObject({
  level: z
    .enum(logLevels)
    .default('info')
    .describe('The lowest level that is logged. `debug` and `trace` add stacks to errors.'),
});

const webhook = z.strictObject({
  port: port.default(8443).describe('Port of the webhook, TLS.'),
  healthPort: port.default(8080).describe('Port of `/healthz`, `/readyz` and `/metrics`, plain HTTP.'),
  service: name('Service').default('tagpin').describe("Name of tagpin's own Service."),
  secret: name('Secret')
    .default('tagpin-certificate')
    .describe('Name of the Secret in which the replicas share their certificate.'),
  webhookConfiguration: name('MutatingWebhookConfiguration')
    .default('tagpin')
    .describe('Name of the MutatingWebhookConfiguration that gets the CA.'),
  drain: duration('0s', '10m')
    .prefault('20s')
    .describe('How long a terminating pod keeps serving, so that no calls reach it when it closes.'),
  certificate: certificateFiles
    .optional()
    .describe(
      'A certificate that something else renews and publishes to the API server. By default tagpin creates its own.',
    ),
  inFlight: size('8Mi', '4Gi')
    .prefault('64Mi')
    .describe('Memory that reviews in flight may reserve: the size of their bodies, and 32Ki for each.'),
});

const pin = z.strictObject({
  keepTag: z.boolean().default(false).describe('Write `nginx:1.27@sha256:…` instead of `nginx@sha256:…`.'),
  pullPolicy: z
    .enum(['IfNotPresent', 'keep'])
    .default('IfNotPresent')
    .describe(
      'The `imagePullPolicy` of pinned containers. `keep` leaves it alone, which the AlwaysPullImages admission plugin needs.',
    ),
  otherDigest: z
    .enum(['keep', 'stored'])
    .default('keep')
    .describe(
      'What becomes of an image that another webhook has given another digest than its rollout stores: `keep` warns, `stored` writes the stored one.',
    ),
  skip: z
    .array(z.string().min(1, 'write a glob, such as registry.example.com/*'))
    .default([])
    .describe(
      'Globs of images to leave alone: registries (with port, if any), repositories or whole images.',
    ),
  skipAnnotation: z
    .array(z.enum(modes))
    .default([...modes])
    .describe("The modes in which a pod's annotation `tagpin.dev/skip` counts."),
  whenGone: z
    .enum(whenGone)
    .default('keep')
    .describe(
      'In `best-effort`, what a pod gets whose stored digest its registry no longer has: `keep`, that digest nevertheless; `tag`, what the tag has now, which takes a HEAD by digest for each image and `cache.age`.',
    ),
});

const cache = z.strictObject({
  entries: whole(1, 10_000_000).default(10_000).describe('How many digests the cache holds.'),
  age: duration('1ms', '168h').prefault('60s').describe('How long a cached digest is used.'),
  negativeAge: duration('0s', '5m')
    .prefault('5s')
    .describe(
      'How long a failure (not found, unauthorized, denied) is cached, give or take a quarter; `0s`: not at all.',
    ),
  staleAge: duration('0s', '168h')
    .prefault('0s')
    .describe(
      'How long beyond `cache.age` a digest may still be used while its registry is down; `0s`: not at all.',
    ),
});

const limits = z.strictObject({
  concurrency: whole(1, 10_000).default(16).describe('How many images are resolved at one registry at once.'),
  queue: whole(0, 100_000).default(500).describe('How many more may wait; any beyond fail at once.'),
});

const credentials = z.strictObject({
  // All by default, because a kubelet in a cloud has its node's credentials for every pod. A cloud in which tagpin has no
  // identity costs nothing until an image is in one of its registries, and then one search for an identity.
  cloud: z
    .array(z.enum(clouds))
    .default([...clouds])
    .describe(
      "The clouds whose registries tagpin logs in to with its own identity, as a kubelet does with the node's.",
    ),
});

/** The configuration file. Every key has a default, and so has the file. */
export const configSchema = z.strictObject({
  log: log.prefault({}),
  webhook: webhook.prefault({}),
  pin: pin.prefault({}),
  cache: cache.prefault({}),
  limits: limits.prefault({}),
  registries: registries.default({}),
  certsDirectory: certsDirectory
    .optional()
    .describe(
      "A node's registry configuration, such as `/etc/containerd/certs.d`: `hosts.toml` files and certificates. Several folders, with colons in between, as in containerd's `config_path`: the first that has the host counts. `registries` takes precedence.",
    ),
  denyPrivateRegistries: z
    .boolean()
    .default(false)
    .describe(
      'Refuse images of registries at private addresses, except those in `registries` and `certsDirectory`.',
    ),
  credentials: credentials.prefault({}),
  dockerConfig: dockerConfigPath
    .optional()
    .describe("A docker config with credentials of tagpin's own, tried after a pod's pull secrets."),
});
