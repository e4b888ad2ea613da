import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { type WatchOptions, watch } from '../../../src/commands/watch/watch.ts';
import { readEnvironment } from '../../../src/config/environment.ts';
import { Interrupted } from '../../../src/console/exit.ts';
import { noProgress } from '../../../src/console/terminal.ts';
import { connect } from '../../../src/kubernetes/connection.ts';
import { parsePath, verbOf } from '../../support/api-server/route.ts';
import { image } from '../../support/registry/image.ts';
import { type Registry, startRegistry } from '../../support/registry/registry.ts';
import { said } from '../../support/secrets/record.ts';
import { type KeepCluster, namespaceObject, podObject, startKeepCluster } from '../keep/keeps.ts';

let cluster: KeepCluster;
let registry: Registry;

beforeEach(async () => {
  cluster = await startKeepCluster();
  registry = await startRegistry();
  cluster.put(namespaceObject('a'), namespaceObject('b'));
});
afterEach(async () => {
  await Promise.all([cluster[Symbol.asyncDispose](), registry.close()]);
});

/** The command while it runs. */
interface Watching extends AsyncDisposable {
  readonly ended: Promise<unknown>;
  readonly lines: string[];
  metric(name: string): Promise<number | undefined>;
}

function start(options: Partial<WatchOptions> = {}): Watching {
  const controller = new AbortController();
  const lines: string[] = [];
  let errors = '';
  const context = {
    environment: readEnvironment({}),
    terminal: {
      out: (text: string) => void lines.push(text.trimEnd()),
      err: (text: string) => {
        errors += text;
      },
      progress: () => noProgress,
    },
    connect: async () => connect({ kubeconfig: cluster.kubeconfig }),
    interrupted: controller.signal,
  };
  const given = { timeout: 10_000, interval: 50, concurrency: 2, listen: { host: '127.0.0.1', port: 0 } };
  const ended = watch({ ...given, ...options }, context).catch((error: unknown) => error);
  const port = () => /metrics at port (\d+)/.exec(errors)?.[1];
  return {
    ended,
    lines,
    async metric(name) {
      await vi.waitUntil(port, { timeout: 10_000 });
      const text = await (await fetch(`http://127.0.0.1:${port()}/metrics`)).text();
      said('tagpin watch', `${text}\n${errors}`);
      const line = text.split('\n').find((one) => one.startsWith(`${name} `));
      return line === undefined ? undefined : Number(line.slice(name.length));
    },
    async [Symbol.asyncDispose]() {
      controller.abort(new Interrupted('SIGTERM'));
      await ended;
    },
  };
}

/** Waits until a metric has a value. */
const shows = (watching: Watching, name: string, value: number) =>
  vi.waitUntil(async () => (await watching.metric(name)) === value, { timeout: 10_000 });

describe('tagpin watch', () => {
  test('shows what the cluster runs by namespace, and each finding as it comes and goes', async () => {
    const old = registry.push('app', '1', image());
    const app = `${registry.host}/app`;
    cluster.put(
      podObject('a', { name: 'pinned', image: `${app}@${old}`, imageId: `${app}@${old}` }),
      podObject('a', { name: 'tagged', image: `${app}:1`, imageId: `${app}@${old}` }),
    );
    await using watching = start();
    expect(await watching.metric('tagpin_watch_images{namespace="a"}')).toBe(2);
    expect(await watching.metric('tagpin_watch_images_pinned{namespace="a"}')).toBe(1);
    expect(await watching.metric('tagpin_watch_images_found{namespace="a",finding="unpinned"}')).toBe(1);
    expect(await watching.metric('tagpin_watch_images_found{namespace="b",finding="gone"}')).toBe(0);
    const gone = 'tagpin_watch_images_found{namespace="a",finding="gone"}';
    expect(await watching.metric(gone)).toBe(0);
    registry.push('app', '1', image());
    await shows(watching, 'tagpin_watch_images_found{namespace="a",finding="drift"}', 1);
    registry.delete('app', old);
    await vi.waitUntil(async () => ((await watching.metric(gone)) ?? 0) > 0, { timeout: 10_000 });
    cluster.api.remove('Pod', 'a', 'pinned');
    cluster.api.remove('Pod', 'a', 'tagged');
    await shows(watching, gone, 0);
  });

  test('says when the cluster can no longer be read, shows what it knew, and goes on', async () => {
    const digest = registry.push('app', '1', image());
    cluster.put(podObject('a', { image: `${registry.host}/app@${digest}` }));
    await using watching = start();
    expect(await watching.metric('tagpin_watch_failed')).toBe(0);
    const restore = cluster.api.fail({ effect: 'forbidden' });
    await shows(watching, 'tagpin_watch_failed', 1);
    expect(await watching.metric('tagpin_watch_images{namespace="a"}')).toBe(1);
    restore();
    await shows(watching, 'tagpin_watch_failed', 0);
  });

  test('asks once for a digest that many pods run, at each audit', async () => {
    const digest = registry.push('app', '1', image());
    for (let pod = 0; pod < 20; pod++) {
      cluster.put(podObject('a', { image: `${registry.host}/app@${digest}` }));
    }
    await using watching = start({ interval: 60_000 });
    await shows(watching, 'tagpin_watch_images{namespace="a"}', 20);
    expect(registry.requests.manifests()).toHaveLength(1);
  });

  test('prints an object for each audit with -o json', async () => {
    const digest = registry.push('app', '1', image());
    cluster.put(podObject('a', { image: `${registry.host}/app@${digest}` }));
    await using watching = start({ output: 'json', interval: 60_000 });
    await vi.waitUntil(() => watching.lines.length > 0, { timeout: 10_000 });
    expect(JSON.parse(watching.lines[0] ?? '')).toMatchObject({
      pods: 1,
      images: 1,
      pinned: 1,
      findings: {},
    });
  });

  test('ends where the first audit can read nothing, because something is to be corrected', async () => {
    cluster.api.fail({ effect: 'forbidden' });
    await using watching = start();
    expect(await watching.ended).toMatchObject({
      message: expect.stringContaining('ask for that permission'),
    });
  });
});

describe('charts/tagpin/watch', () => {
  const objects = ['rbac.yaml', 'deployment.yaml'].flatMap((file) =>
    parseAllDocuments(
      readFileSync(join(import.meta.dirname, '../../../charts/tagpin/watch', file), 'utf8'),
    ).map((document): unknown => document.toJS()),
  );
  const role = z.object({
    rules: z.array(
      z.object({
        apiGroups: z.array(z.string()),
        resources: z.array(z.string()),
        verbs: z.array(z.string()),
      }),
    ),
  });

  test('grants all that it asks of the API server, and no write', async () => {
    const secret = { name: 'login' };
    cluster.put(
      { ...podObject('a', { image: `${registry.host}/app:1` }), metadata: { namespace: 'a', name: 'web' } },
      {
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: { namespace: 'a', name: 'default' },
        imagePullSecrets: [secret],
      },
      { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'a', ...secret }, type: 'Opaque', data: {} },
    );
    {
      await using watching = start({ interval: 60_000 });
      await shows(watching, 'tagpin_watch_images{namespace="a"}', 1);
    }
    const asked = cluster.api.requests.entries.flatMap(({ method, path }) => {
      const target = parsePath(decodeURIComponent(path));
      const verb = target && verbOf(method, target);
      return target === undefined ? [] : [`${verb} ${target.resource.group}/${target.resource.name}`];
    });
    const granted = objects.flatMap((object) => {
      const parsed = role.safeParse(object);
      return parsed.success ? parsed.data.rules : [];
    });
    const calls = granted.flatMap(({ apiGroups, resources, verbs }) =>
      verbs.flatMap((verb) => resources.map((resource) => `${verb} ${apiGroups[0]}/${resource}`)),
    );
    expect(asked).toContain('get /secrets');
    expect([...new Set(asked)].filter((call) => !calls.includes(call))).toEqual([]);
    expect(calls.filter((call) => !/^(get|list) /.test(call))).toEqual([]);
  });
});
