import { setTimeout as delay } from 'node:timers/promises';
import { writeDockerConfig } from '../e2e/support/account.ts';
import { run as runProgram, succeed } from '../e2e/support/command.ts';
import { Credential } from '../src/credentials/credential.ts';
import { parseReference } from '../src/image/reference.ts';
import { RegistryClient } from '../src/registry/client.ts';
import { Endpoints } from '../src/registry/endpoint.ts';
import { Resolver } from '../src/resolve/resolver.ts';
import { createAuthority } from '../test/support/authority.ts';
import { makeFolder } from '../test/support/folder.ts';
import { image, index } from '../test/support/registry/image.ts';
import { startRegistry } from '../test/support/registry/registry.ts';
import type { Figure } from './figures.ts';
import { findProgram } from './programs.ts';
import { run } from './run.ts';
import { takeTurns, timed } from './turns.ts';

const TIMEOUT_MS = 10_000;
const account = { username: 'bench', password: 'not-a-secret' };
const user = { name: account.username, password: account.password, pull: ['*'] };

async function measure({ rounds }: { rounds: number }): Promise<Figure[]> {
  const crane = findProgram('crane');
  using folder = makeFolder();
  const { caPem, issue } = await createAuthority();
  const tls = await issue(['localhost']);
  const auth = { scheme: 'bearer' } as const;
  await using registry = await startRegistry({ name: 'localhost', tls, auth, users: [user] });
  let connections = 0;
  registry.server.on('secureConnection', () => connections++);
  const digest = registry.push('bench/app', '1.0', index([image(), image()]));
  const reference = `${registry.host}/bench/app:1.0`;
  writeDockerConfig(folder.path, registry.host, account);
  const env = { SSL_CERT_FILE: folder.write('ca.crt', caPem), DOCKER_CONFIG: folder.path };
  const ask = (...command: string[]) => succeed(runProgram([crane, ...command], { env }));

  const turn = (resolve: () => Promise<unknown>, prepare?: () => Promise<unknown>) => async () => {
    const [asked, opened] = [registry.requests.count(), connections];
    const check = async () => {
      if ((await resolve()) !== digest) throw new Error('another digest than was pushed');
    };
    const took = await timed(check, prepare)();
    return { ...took, requests: registry.requests.count() - asked, connections: connections - opened };
  };
  const [cached, warm] = [startEngine(registry.host, caPem, 3_600_000), startEngine(registry.host, caPem, 1)];
  let cold = startEngine(registry.host, caPem, 1);
  const renew = async () => {
    await cold.close();
    cold = startEngine(registry.host, caPem, 1);
  };
  const contenders = {
    'tagpin, cached': turn(() => cached.resolve(reference)),
    // The digest is too old; the connection and the token are there.
    'tagpin, warm': turn(
      () => warm.resolve(reference),
      () => delay(5),
    ),
    'tagpin, cold': turn(() => cold.resolve(reference), renew),
    'crane digest': turn(() => ask('digest', reference)),
    // What of crane's time is that of starting a process.
    'crane version': timed(() => ask('version')),
  };
  const turns = await takeTurns(contenders, rounds, 2);
  for (const engine of [cached, warm, cold]) await engine.close();
  return turns.beside('crane digest', 'ms');
}

/** @param age milliseconds for which a digest is believed */
function startEngine(host: string, ca: string, age: number) {
  const registries = { settings: new Map([[host, { tls: { ca: [ca] } }]]) };
  const endpoints = new Endpoints(() => registries);
  const resolver = new Resolver(new RegistryClient(endpoints), { entries: 100, age });
  const credentials = [new Credential({ ...account, source: 'bench' })];
  return {
    async resolve(reference: string): Promise<string> {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      return (await resolver.resolve(parseReference(reference), credentials, signal)).digest;
    },
    close: () => endpoints.close(),
  };
}

await run({
  name: 'bench-resolve',
  usage: `npm run bench:resolve -- [--rounds N]

From tag to digest, tagpin and crane side by side, against the same registry over TLS with token authentication: time,
requests and connections. Medians of N rounds (15), in which all take turns. crane is CRANE, or the one that npm run e2e
builds. Figures go to .results/bench-resolve.json as well.`,
  counts: { rounds: 15 },
  quick: { rounds: 1 },
  parts: { resolve: measure },
});
