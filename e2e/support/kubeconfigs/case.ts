import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { readEnvironment } from '../../../src/config/environment.ts';
import { createKubernetesApi } from '../../../src/kubernetes/api.ts';
import { connect } from '../../../src/kubernetes/connection.ts';
import { InvalidKubeconfig, KubernetesError, remedyFor } from '../../../src/kubernetes/error.ts';
import { run } from '../command.ts';
import type { Recorder, Sighting } from './recorder.ts';

/** A way to say which cluster is meant. Texts may contain what {@link Recorder.fill} knows, and `{{folder}}`. */
export interface KubeconfigCase {
  readonly of: string;
  /** Files by path in a folder of the case's own, which is also the working and the home directory. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** The encoding of the files, if it isn't UTF-8. */
  readonly encoding?: 'utf16le';
  readonly env?: Readonly<Record<string, string>>;
  /** `--kubeconfig` and `--context`. */
  readonly flags?: readonly string[];
  /** The folder to run in, within the case's. */
  readonly cwd?: string;
  /** The files of the pod's ServiceAccount, for a case in a pod. */
  readonly pod?: Readonly<Record<string, string>>;
  /** What tagpin says where it refuses, as kubectl does. */
  readonly refused?: RegExp;
  /** Why tagpin does otherwise than kubectl. */
  readonly otherwise?: string;
  /** Whether tagpin has to be a process of its own, because the case is about more than what it is told. */
  readonly isProcess?: boolean;
}

/** What came of it. */
export interface Outcome {
  readonly sighting: Sighting | undefined;
  /** What a credential plugin was given. */
  readonly plugin: unknown;
  /** On standard error. */
  readonly said: string;
}

/** A plugin that notes what it is given, and prints a token with its first argument. */
export const pluginScript = `#!/bin/sh
printf '%s\\n%s\\n%s' "$*" "$PLUGIN_VARIABLE" "$KUBERNETES_EXEC_INFO" > "$HOME/plugin.log"
printf '{"kind":"ExecCredential","apiVersion":"%s","status":{"token":"plugin-%s"}}' "\${API_VERSION:-client.authentication.k8s.io/v1}" "$1"
`;

/** What asks the API server in the case's folder: a program, or tagpin in this process. */
type Asker = (folder: string, of: Pick<KubeconfigCase, 'env' | 'flags' | 'pod'>) => Promise<string>;

/** The case, as one asker sees it. */
export async function tryCase(ask: Asker, of: KubeconfigCase, recorder: Recorder): Promise<Outcome> {
  const home = mkdtempSync(join(tmpdir(), 'tagpin-kubeconfig-'));
  const fill = (text: string) => recorder.fill(text.replaceAll('{{folder}}', home));
  const write = (path: string, content: string | Uint8Array) => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, typeof content === 'string' ? Buffer.from(fill(content), of.encoding) : content, {
      mode: path.includes('/bin/') ? 0o755 : 0o600,
    });
  };
  try {
    for (const [path, content] of Object.entries(of.files ?? {})) write(join(home, path), content);
    for (const [path, content] of Object.entries(of.pod ?? {})) write(join(home, 'pod', path), content);
    const folder = join(home, of.cwd ?? '.');
    mkdirSync(folder, { recursive: true });
    recorder.take();
    const env = Object.entries(of.env ?? {}).map(([name, value]) => [name, fill(value)]);
    const said = await ask(folder, {
      ...of,
      env: { ...nothing, HOME: home, ...Object.fromEntries(env) },
      flags: (of.flags ?? []).map(fill),
    });
    return { sighting: recorder.take(), plugin: pluginLog(join(home, 'plugin.log')), said };
  } finally {
    rmSync(home, { recursive: true });
  }
}

/** A program that is run for the case, with its flags. */
export const program =
  (...command: readonly string[]): Asker =>
  async (folder, { env = {}, flags = [], pod }) => {
    const around = pod === undefined ? [] : asPod(join(env['HOME'] ?? '', 'pod'));
    const signal = AbortSignal.timeout(20_000);
    return (await run([...around, ...command, ...flags], { cwd: folder, env, signal })).stderr;
  };

/** tagpin's own client in this process, which is much faster than the program. */
export const client: Asker = async (folder, { env = {}, flags = [] }) => {
  const before = process.cwd();
  process.chdir(folder);
  try {
    const { kubeconfig, context } = parseArgs({
      args: [...flags],
      options: { kubeconfig: { type: 'string' }, context: { type: 'string' } },
    }).values;
    const connection = connect({
      ...(kubeconfig !== undefined && { kubeconfig }),
      ...(context !== undefined && { context }),
      environment: readEnvironment({ ...process.env, ...env }).cluster,
    });
    const { namespace } = connection;
    await createKubernetesApi(connection).readServiceAccount(namespace, 'x', AbortSignal.timeout(20_000));
    await connection.close();
    return '';
  } catch (error) {
    if (error instanceof InvalidKubeconfig) return error.message;
    if (error instanceof KubernetesError) return `${error.message}; ${remedyFor(error, 'person')}`;
    throw error;
  } finally {
    process.chdir(before);
  }
};

/** The variables that count, without values. */
const nothing = Object.fromEntries(
  ['KUBECONFIG', 'KUBERNETES_MASTER', 'KUBERNETES_SERVICE_HOST', 'KUBERNETES_SERVICE_PORT', 'POD_NAMESPACE']
    .concat(['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'])
    .map((name) => [name, '']),
);

function pluginLog(path: string): unknown {
  if (!existsSync(path)) return undefined;
  const [args, variable, info = ''] = readFileSync(path, 'utf8').split('\n');
  const parsed: unknown = JSON.parse(info);
  return { args, variable, info: parsed };
}

/** Runs a command where the ServiceAccount of a pod is mounted. */
const asPod = (account: string) => [
  'unshare',
  '--mount',
  'sh',
  '-c',
  `mount -t tmpfs none /run && mkdir -p /run/secrets/kubernetes.io/serviceaccount &&
  cp ${account}/* /run/secrets/kubernetes.io/serviceaccount/ && exec "$@"`,
  'sh',
];
