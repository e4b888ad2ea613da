import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { builtImageSchema } from '../image/build.ts';
import { programsSchema } from '../machine/binaries.ts';

const account = z.object({ username: z.string(), password: z.string() });

/** A cluster with tagpin installed, as the tests know it: the same whether it runs on this machine or in kind. */
export const clusterSchema = z.object({
  kubeconfig: z.string(),
  programs: programsSchema,
  /** A folder for the tests' files. */
  directory: z.string(),
  /** The folder of tagpin's programs as npm has installed them, and of the oldest Node.js that they are for. */
  packaged: z.string(),
  /** What the registries' certificates verify by. */
  caFile: z.string(),
  /** The registry that everyone may read, as images name it. */
  openRegistry: z.string(),
  /** The one that wants the account. */
  privateRegistry: z.string(),
  /** Another name of the one for everyone, where nothing listens until a test does. */
  detourRegistry: z.string(),
  /** The files of the certificate for either name, and of its key. */
  openKeyPair: z.object({ cert: z.string(), key: z.string() }),
  /** The log of the one for everyone, with a line for each request. */
  registryLog: z.string(),
  account,
  /** A folder with a docker config that has the account. */
  dockerConfig: z.string(),
  /** An image with a shell, from which the tests' images are made. */
  shellImage: z.string(),
  /** tagpin's image as it was built here; in kind, Docker has it. */
  image: builtImageSchema.optional(),
  /** Whether the container runtime can mount image volumes: containerd from 2.1. */
  runsImageVolumes: z.boolean(),
});
export type Cluster = z.infer<typeof clusterSchema>;

/** A cluster by itself. */
export type StartedCluster = Omit<Cluster, 'packaged'>;

/** The environment variable that tells the tests where their cluster is described. */
export const clusterVariable = 'TAGPIN_E2E_CLUSTER';

/** What that variable is when the tests are only to be named. */
export const noCluster = 'none';

/** @throws if the tests weren't started by `npm run e2e` */
export function readCluster(): Cluster {
  const file = process.env[clusterVariable];
  if (file === undefined) throw new Error('these tests need a cluster: npm run e2e');
  return file === noCluster ? nowhere : clusterSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
}

const nowhere: Cluster = {
  kubeconfig: '',
  programs: { kubectl: '', crane: '', helm: '', kustomize: '', registry: '', gitea: '' },
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
