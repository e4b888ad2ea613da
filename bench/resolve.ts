import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeDockerConfig } from '../e2e/support/account.ts';
import { push } from '../e2e/support/push.ts';
import { startRegistry } from '../e2e/support/registry.ts';
import { createAuthority } from '../test/support/authority.ts';
import { AccessRules } from '../test/support/registry/access.ts';
import { image, index } from '../test/support/registry/image.ts';
import { SignedTokens } from '../test/support/registry/signed-tokens.ts';
import { TokenEndpoint } from '../test/support/registry/token-endpoint.ts';
import { findBinaries } from './binaries.ts';
import {
  bareHead,
  craneDigest,
  craneStart,
  type Task,
  tagpinCached,
  tagpinCold,
  tagpinWarm,
} from './contenders.ts';
import { startFront } from './front.ts';
import { type Measurement, median, runRounds } from './rounds.ts';
import { table } from './table.ts';

const usage = `npm run bench:resolve -- [--rounds N] [-o json]

From tag to digest, tagpin and crane side by side: requests, connections and time, against the same registry
(distribution v3) over TLS with token authentication. Medians of N rounds (15), in which all take turns.`;

const user = { name: 'bench', password: 'not-a-secret', pull: ['*'] };
const issuer = 'tagpin bench';
const service = 'registry';
const lifetimeSeconds = 3600;
const repository = 'bench/app';
const tag = '1.0';

async function bench(rounds: number): Promise<Map<string, Measurement[]>> {
  const binaries = findBinaries({
    crane: { name: 'crane', variable: 'CRANE', what: "go-containerregistry's command line" },
    registry: { name: 'registry', variable: 'REGISTRY', what: 'distribution v3' },
  });
  const [crane = '', binary = ''] = [binaries.get('crane'), binaries.get('registry')];
  const directory = mkdtempSync(join(tmpdir(), 'tagpin-bench-'));
  try {
    const authority = await createAuthority();
    await using front = await startFront(await authority.issue(['127.0.0.1']));
    const pushed = index([image(), image({ platform: { os: 'linux', architecture: 'arm64' } })]);
    {
      // Pushed before there is authentication, which is not what is measured.
      await using open = await startRegistry({ binary, directory });
      await push({ host: open.address }, repository, tag, pushed);
    }
    // The address is read from it, and the one in there is that of the registry before.
    rmSync(join(directory, 'registry.log'));
    const tokens = { realm: `https://${front.host}/token`, issuer, certificates: authority.caPem };
    await using registry = await startRegistry({ binary, directory, tokens, name: service });
    const signed = new SignedTokens({
      issuer,
      service,
      keyPair: await authority.issue(['token.test']),
      lifetimeSeconds,
    });
    front.lead(
      registry.address,
      new TokenEndpoint(new AccessRules({ users: [user] }), signed, { expiresIn: lifetimeSeconds }),
    );

    const token = signed.issue([{ repository, actions: ['pull'] }]);
    const task: Task = {
      host: front.host,
      repository,
      tag,
      digest: pushed.digest,
      username: user.name,
      password: user.password,
      caPem: authority.caPem,
      caFile: join(directory, 'ca.crt'),
      dockerConfig: join(directory, 'docker'),
      token: () => token,
    };
    writeFileSync(task.caFile, task.caPem);
    writeDockerConfig(task.dockerConfig, task.host, task);

    using floor = bareHead(task);
    const contenders = [
      floor,
      tagpinCached(task),
      tagpinWarm(task),
      tagpinCold(task),
      craneDigest(crane, task),
      craneStart(crane),
    ];
    return await runRounds(contenders, rounds, () => front.watched);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** What came out for one contender: medians, and the requests of its last round. */
function summary([name, all]: [string, Measurement[]]) {
  return {
    name,
    requests: median(all.map(({ requests }) => requests.length)),
    connections: median(all.map(({ connections }) => connections)),
    milliseconds: Number(median(all.map(({ milliseconds }) => milliseconds)).toFixed(3)),
    asked: all.at(-1)?.requests ?? [],
  };
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '15' },
    output: { type: 'string', short: 'o', default: 'table' },
    help: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
if (values.help) {
  console.log(usage);
} else if (!Number.isInteger(rounds) || rounds < 1 || !['table', 'json'].includes(values.output)) {
  console.error(usage);
  process.exitCode = 2;
} else {
  try {
    const results = [...(await bench(rounds))].map(summary);
    if (values.output === 'json') {
      console.log(JSON.stringify({ rounds, results }, null, 2));
    } else {
      const rows = results.map(({ name, requests, connections, milliseconds, asked }) => [
        name,
        String(requests),
        String(connections),
        milliseconds.toFixed(2),
        asked.map((line) => line.replace(/(\/v2\/|\/token).*/, '$1')).join(', '),
      ]);
      console.log(
        table(['', 'requests', 'connections', 'ms', 'asked'], rows, ['requests', 'connections', 'ms']),
      );
    }
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 3;
  }
}
