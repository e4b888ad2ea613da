import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { builtImageSchema } from '../image/build.ts';
import { programsSchema } from '../machine/binaries.ts';

const account = z.object({ username: z.string(), password: z.string() });

/** A cluster with tagpin installed, as the tests see it, on this machine or in kind. */
export const clusterSchema = z.object({
  kubeconfig: z.string(),
  programs: programsSchema,
  /** A folder for the tests' files. */
  directory: z.string(),
  /** The folder with tagpin's programs as npm installed them, and with the oldest Node.js that they support. */
  packaged: z.string(),
  /** The CA of the registries' certificates. */
  caFile: z.string(),
  /** The public registry, as images name it. */
  openRegistry: z.string(),
  /** The registry that requires the account. */
  privateRegistry: z.string(),
  /** Another name of the public registry, where nothing listens until a test does. */
  detourRegistry: z.string(),
  /** The files of the certificate for both names, and of its key. */
  openKeyPair: z.object({ cert: z.string(), key: z.string() }),
  /** The log of the public registry, with a line for each request. */
  registryLog: z.string(),
  account,
  /** A folder with a docker config that has the account. */
  dockerConfig: z.string(),
  /** An image with a shell, the base of the tests' images. */
  shellImage: z.string(),
  /** tagpin's image as built here; in kind, Docker has it. */
  image: builtImageSchema.optional(),
  /** Whether the container runtime can mount image volumes: containerd from 2.1. */
  runsImageVolumes: z.boolean(),
});
export type Cluster = z.infer<typeof clusterSchema>;

/** The cluster alone. */
export type StartedCluster = Omit<Cluster, 'packaged'>;

/** The environment variable that tells the tests where their cluster is described. */
export const clusterVariable = 'TAGPIN_E2E_CLUSTER';

/** The value of that variable when the tests are only listed. */
export const noCluster = 'none';

/** @throws if the tests weren't started by `npm run e2e` */
export function readCluster(): Cluster {
  const file = process.env[clusterVariable];
  if (file === undefined) throw new Error('these tests need a cluster: npm run e2e');
  return file === noCluster ? nowhere : clusterSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
}

const nowhere: Cluster = {
  kubeconfig: '',
  programs: { kubectl: '', crane: '', helm: '', kustomize: '', registry: '', gitea: '', actionlint: '' },
  directory: '',
  packaged: '',
  caFile: '',
  openRegistry: '',
  privateRegistry: '',
  detourRegistry: '',
  openKeyPair: { cert: '', key: '' },
  registryLog: '',
  account: { username: '', password: '' },
  dockerConfig: '',
  shellImage: '',
  image: { directory: '', name: '', buildBase: '', base: '', volumes: [] },
  runsImageVolumes: false,
};
