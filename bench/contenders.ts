import { Agent, request } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import { run, succeed } from '../e2e/support/command.ts';
import { Credential } from '../src/credentials/credential.ts';
import { parseReference } from '../src/image/reference.ts';
import { RegistryClient } from '../src/registry/client.ts';
import { Endpoints } from '../src/registry/endpoint.ts';
import { ACCEPT } from '../src/registry/manifest.ts';
import { Resolver } from '../src/resolve/resolver.ts';
import type { Contender } from './rounds.ts';

/** What all of them do: find the digest of this image, as this user, trusting this CA. */
export interface Task {
  readonly host: string;
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
  readonly username: string;
  readonly password: string;
  readonly caPem: string;
  /** The same for those who read files. */
  readonly caFile: string;
  readonly dockerConfig: string;
  /** A token that is good for it. */
  readonly token: () => string;
}

const TIMEOUT_MS = 10_000;

function check(digest: string, task: Task): void {
  if (digest !== task.digest) throw new Error(`the digest is ${task.digest}, not ${digest}`);
}

/** No more than is needed by anyone: one HEAD on an open connection, its token known. */
export function bareHead(task: Task): Contender & Disposable {
  const agent = new Agent({ keepAlive: true, ca: task.caPem });
  return {
    name: 'a bare HEAD (floor)',
    async run() {
      const digest = await new Promise<unknown>((resolve, reject) => {
        const sent = request(`https://${task.host}/v2/${task.repository}/manifests/${task.tag}`, {
          method: 'HEAD',
          agent,
          headers: { accept: ACCEPT, authorization: `Bearer ${task.token()}` },
        });
        sent.on('response', (response) => {
          response.resume();
          response.on('end', () => resolve(response.headers['docker-content-digest']));
        });
        sent.on('error', reject);
        sent.end();
      });
      check(String(digest), task);
    },
    [Symbol.dispose]: () => agent.destroy(),
  };
}

type Engine = { resolver: Resolver; close(): Promise<void> };

function startEngine(task: Task, age: number): Engine {
  const registries = { settings: new Map([[task.host, { tls: { ca: [task.caPem] } }]]) };
  const endpoints = new Endpoints(() => registries);
  const resolver = new Resolver(new RegistryClient(endpoints), { entries: 100, age });
  return { resolver, close: () => endpoints.close() };
}

async function resolve({ resolver }: Engine, task: Task): Promise<void> {
  const reference = parseReference(`${task.host}/${task.repository}:${task.tag}`);
  const credentials = [new Credential({ username: task.username, password: task.password, source: 'bench' })];
  const { digest } = await resolver.resolve(reference, credentials, AbortSignal.timeout(TIMEOUT_MS));
  check(digest, task);
}

/** Nothing known yet: no connection, no challenge, no token. */
export function tagpinCold(task: Task): Contender {
  let engine: Engine | undefined;
  return {
    name: 'tagpin, cold',
    async prepare() {
      await engine?.close();
      engine = startEngine(task, 1);
    },
    run: async () => void (engine && (await resolve(engine, task))),
  };
}

/** The digest is too old, the connection and the token are there. */
export function tagpinWarm(task: Task): Contender {
  const engine = startEngine(task, 1);
  return { name: 'tagpin, warm', prepare: () => delay(5), run: () => resolve(engine, task) };
}

/** The digest is known. */
export function tagpinCached(task: Task): Contender {
  const engine = startEngine(task, 3_600_000);
  return { name: 'tagpin, cached', run: () => resolve(engine, task) };
}

export function craneDigest(crane: string, task: Task): Contender {
  const env = { SSL_CERT_FILE: task.caFile, DOCKER_CONFIG: task.dockerConfig };
  const image = `${task.host}/${task.repository}:${task.tag}`;
  return {
    name: 'crane digest',
    run: async () => check(await succeed(run([crane, 'digest', image], { env })), task),
  };
}

/** What of crane's time is that of starting a process. */
export function craneStart(crane: string): Contender {
  return {
    name: 'crane version (no request)',
    run: async () => void (await succeed(run([crane, 'version']))),
  };
}
