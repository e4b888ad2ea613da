import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join, sep } from 'node:path';
import { isatty } from 'node:tty';
import { z } from 'zod';
import { printable } from '../printable.ts';
import { codeOf } from '../system-error.ts';
import { noCredentials } from './error.ts';
import { readGoYaml } from './kubeconfig/go-yaml.ts';
import type { ExecEntry } from './kubeconfig/kubeconfig.ts';

/** What a credential plugin has printed. */
export interface PluginCredential {
  readonly token: string | undefined;
  readonly certificate: { cert: string; key: string } | undefined;
  /** Milliseconds since 1970. */
  readonly expires: number | undefined;
}

export interface PluginOptions {
  /** The name of its user in the kubeconfig, for messages. */
  readonly user: string;
  readonly exec: ExecEntry;
  /** The cluster, for a plugin that asks for it: `spec.cluster` of an ExecCredential. Throws a KubernetesError with a remedy. */
  readonly cluster: () => unknown;
  readonly variables: Readonly<Record<string, string | undefined>>;
}

const API_VERSIONS = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'];
const OUTPUT_LIMIT = 1024 * 1024;

/** A program that hands out credentials (client-go plugin/pkg/client/auth/exec/exec.go). Its answer is kept until it expires. */
export class CredentialPlugin {
  readonly #options: PluginOptions;
  #current: Promise<PluginCredential> | undefined;

  constructor(options: PluginOptions) {
    this.#options = options;
  }

  /** @throws KubernetesError with a remedy */
  async credential(): Promise<PluginCredential> {
    const known = await this.#current?.catch(() => undefined);
    if (known !== undefined && (known.expires === undefined || Date.now() <= known.expires)) return known;
    this.#current = runPlugin(this.#options);
    return this.#current;
  }

  /** Forgets a credential that the API server has refused, so that the next is a new one. */
  forget(): void {
    this.#current = undefined;
  }
}

async function runPlugin({ user, exec, cluster, variables }: PluginOptions): Promise<PluginCredential> {
  const { command, apiVersion, interactiveMode } = exec;
  const plugin = `the credential plugin ${JSON.stringify(command)} of user "${user}"`;
  if (!API_VERSIONS.includes(apiVersion)) {
    throw noCredentials(`${plugin} has an unknown apiVersion`, `write ${API_VERSIONS.join(' or ')} in exec`);
  }
  const isTerminal = isatty(0);
  if (interactiveMode === 'Always' && !isTerminal) {
    throw noCredentials(
      `${plugin} asks questions, and standard input is no terminal`,
      'run it in a terminal',
    );
  }
  const isInteractive = interactiveMode !== 'Never' && isTerminal;
  const program = locate(command, variables['PATH'] ?? '');
  if (program === undefined) {
    const hint = oneLine(exec.installHint);
    const remedy =
      hint === '' ? 'install it, or correct exec.command in the kubeconfig' : `to install it: ${hint}`;
    throw noCredentials(`${plugin} isn't installed`, remedy);
  }
  const info = {
    kind: 'ExecCredential',
    apiVersion,
    spec: { interactive: isInteractive, ...(exec.provideClusterInfo && { cluster: cluster() }) },
  };
  const env = {
    ...variables,
    ...Object.fromEntries(exec.env.map(({ name, value }) => [name, value])),
    KUBERNETES_EXEC_INFO: JSON.stringify(info),
  };
  const { code, output } = await run(program, exec.args, env, isInteractive).catch((cause: unknown) => {
    throw noCredentials(
      `${plugin} can't be run: ${codeOf(cause) ?? 'it prints too much'}`,
      'look at that program',
      cause,
    );
  });
  if (code !== 0) {
    throw noCredentials(`${plugin} fails with exit code ${code}`, 'log in again, or run it by hand');
  }
  return readCredential(output, apiVersion, plugin);
}

const outputSchema = z.object({
  kind: z.literal('ExecCredential').nullish(),
  apiVersion: z.string(),
  status: z
    .object({
      token: z.string().nullish(),
      clientCertificateData: z.string().nullish(),
      clientKeyData: z.string().nullish(),
      expirationTimestamp: z.iso.datetime({ offset: true }).nullish(),
    })
    .nullish(),
});

function readCredential(output: Buffer, apiVersion: string, plugin: string): PluginCredential {
  const parsed = outputSchema.safeParse(orUndefined(() => readGoYaml(output)));
  const refuse = (what: string) =>
    noCredentials(`${plugin} ${what}`, 'run it by hand, and look at what it prints');
  if (!parsed.success) throw refuse('prints no valid ExecCredential');
  if (parsed.data.apiVersion !== apiVersion) {
    throw refuse(
      `prints another apiVersion than ${apiVersion}, which exec.apiVersion of the kubeconfig says`,
    );
  }
  const {
    token,
    clientCertificateData: cert,
    clientKeyData: key,
    expirationTimestamp,
  } = parsed.data.status ?? {};
  if (!token && !cert && !key) throw refuse('prints neither a token nor a certificate');
  if (!cert !== !key) throw refuse('prints a certificate or a key, not both');
  return {
    token: token || undefined,
    certificate: cert && key ? { cert, key } : undefined,
    expires: expirationTimestamp ? Date.parse(expirationTimestamp) : undefined,
  };
}

function orUndefined(work: () => unknown): unknown {
  try {
    return work();
  } catch {
    return undefined;
  }
}

/**
 * The program of a command, from this process's PATH even if the plugin is given another; undefined if there is none
 * (os/exec, `LookPath`).
 */
function locate(command: string, path: string): string | undefined {
  // Windows has its own rules, by which a program is found when it is started.
  if (process.platform === 'win32') return command;
  if (command.includes(sep)) return isProgram(command) ? command : undefined;
  const folders = path.split(delimiter).filter((folder) => folder.startsWith(sep));
  return folders.map((folder) => join(folder, command)).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** A hint of the kubeconfig's author, who may be a stranger. */
const oneLine = (text: string) => printable(text.trim().replace(/\s+/g, ' '));

/** Its standard error is shown as it is: there it asks people to log in. */
function run(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  isInteractive: boolean,
): Promise<{ code: number | null; output: Buffer }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ code: number | null; output: Buffer }>();
  const child = spawn(program, [...args], {
    env,
    stdio: [isInteractive ? 'inherit' : 'ignore', 'pipe', 'inherit'],
  });
  const kill = () => child.kill();
  process.once('exit', kill);
  const chunks: Buffer[] = [];
  let size = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    size += chunk.length;
    if (size > OUTPUT_LIMIT) {
      child.kill();
      reject(new Error('the output is too long'));
    }
  });
  child.on('error', reject);
  child.on('close', (code) => resolve({ code, output: Buffer.concat(chunks) }));
  return promise.finally(() => process.off('exit', kill));
}
