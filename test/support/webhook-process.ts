import { type ChildProcess, spawn } from 'node:child_process';
import { openSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { adopt, end, hasEnded } from './child.ts';
import { freePort } from './listen.ts';
import { said } from './secrets/record.ts';

/** The entry point of tagpin's source. */
const source = [join(import.meta.dirname, '../../src/main.ts')];
const POLL_MS = 20;
const READY_MS = 30_000;
const TAIL_LINES = 10;

/** A process of tagpin, with its output so far. */
export interface Run {
  readonly child: ChildProcess;
  output(): string;
}

/** Runs the command line: `tagpin …args`. */
export const run = (...args: string[]): Run => start([...source, ...args]);

/** Starts Node.js with these arguments. The process doesn't outlive this one, however this one ends. */
function start(args: readonly string[], log?: string): Run {
  const child = spawn(process.execPath, args, {
    stdio: log === undefined ? ['ignore', 'pipe', 'pipe'] : ['ignore', openSync(log, 'w'), 'inherit'],
    env: { ...process.env, POD_NAMESPACE: 'tagpin-system' },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += chunk));
  child.once('close', () => said('tagpin serve', output));
  adopt(child);
  return { child, output: () => output };
}

/** `tagpin serve` as a process, which is killed on disposal. */
export interface WebhookProcess extends Run, AsyncDisposable {
  readonly port: number;
  readonly healthPort: number;
}

export interface ServeOptions {
  /** The folder of the configuration file. */
  readonly folder: string;
  readonly kubeconfig: string;
  readonly drain?: string;
  /** Further keys of the configuration's `webhook`. */
  readonly webhook?: Readonly<Record<string, unknown>>;
  /** The other keys of the configuration. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Arguments for Node.js, with its options; by default the source's entry point. */
  readonly program?: readonly string[];
  /** The file that the log goes to; by default it is the output. */
  readonly log?: string;
  /** By default free ports. */
  readonly ports?: { readonly port: number; readonly healthPort: number };
}

/** Starts the webhook. It isn't ready yet. */
export async function startWebhookProcess(options: ServeOptions): Promise<WebhookProcess> {
  const { folder, kubeconfig, drain = '0s', webhook = {}, settings = {}, program = source } = options;
  const { port, healthPort } = options.ports ?? { port: await freePort(), healthPort: await freePort() };
  const config = join(folder, `${port}.yaml`);
  // JSON is YAML too
  writeFileSync(config, JSON.stringify({ webhook: { port, healthPort, drain, ...webhook }, ...settings }));
  const args = ['serve', '--config', config, '--kubeconfig', kubeconfig];
  const { child, output } = start([...program, ...args], options.log);
  return {
    child,
    port,
    healthPort,
    output,
    [Symbol.asyncDispose]: () => end(child),
  };
}

/** Sends a request to the health port; undefined while nothing answers there. */
export async function health(
  { healthPort }: Pick<WebhookProcess, 'healthPort'>,
  path: string,
  signal?: AbortSignal,
) {
  const url = `http://127.0.0.1:${healthPort}${path}`;
  const response = await fetch(url, { signal: signal ?? null }).catch(() => undefined);
  return response && { status: response.status, text: said(path, await response.text()) };
}

/** Waits until the webhook is ready. Throws with the end of its log if it exits first, or on a timeout. */
export async function ready(webhook: WebhookProcess, signal?: AbortSignal): Promise<void> {
  const latest = performance.now() + READY_MS;
  while (performance.now() < latest && !hasEnded(webhook.child)) {
    if ((await health(webhook, '/readyz', signal))?.status === 200) return;
    await delay(POLL_MS, undefined, signal && { signal });
  }
  throw new Error(`the webhook isn't ready; its log ends with:\n${tail(webhook.output()) || '(nothing)'}`);
}

function tail(output: string): string {
  const lines = output.split('\n').filter((line) => line !== '' && !/^\s+at /.test(line));
  return lines.slice(-TAIL_LINES).join('\n');
}

export interface Call {
  /** The path with its query. */
  readonly path: string;
  /** The only CA to trust. */
  readonly ca: string;
  readonly servername: string;
  readonly review: unknown;
  readonly agent?: Agent;
  readonly signal?: AbortSignal;
}

export interface CallAnswer {
  readonly status: number | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** Sends an AdmissionReview as the API server does: with the Service's name, trusting the given CA. */
export async function callWebhook({ port }: Pick<WebhookProcess, 'port'>, call: Call): Promise<CallAnswer> {
  const { path, ca, servername, review, agent = new Agent(), signal } = call;
  const sent = request({
    host: '127.0.0.1',
    port,
    path,
    method: 'POST',
    servername,
    ca,
    agent,
    headers: { 'content-type': 'application/json' },
    ...(signal && { signal }),
  });
  sent.end(JSON.stringify(review));
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    sent.once('response', resolve);
    sent.once('error', reject);
  });
  return {
    status: response.statusCode,
    headers: response.headers,
    body: said("webhook's answer", await text(response)),
  };
}
