import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createProgram } from '../../src/command-line/program.ts';
import { writeKubeconfig } from '../support/api-server/kubeconfig.ts';
import { type ApiServer, startSecureApiServer } from '../support/api-server.ts';
import { interrupted, tagpin } from '../support/command-line.ts';
import { idle, parsed } from './programs.ts';

const folder = mkdtempSync(join(tmpdir(), 'tagpin-every-command-'));
const kubeconfig = join(folder, 'kubeconfig');
const manifest = join(folder, 'pod.yaml');
writeFileSync(
  manifest,
  'apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: web, image: nginx}]}\n',
);
let api: ApiServer;
beforeAll(async () => {
  api = await startSecureApiServer();
  await api.writeKubeconfig(kubeconfig);
});
afterAll(async () => {
  await api.close();
  rmSync(folder, { recursive: true });
});

/** All but the webhook, which is for no shell, and what is only for shells. */
const commands = createProgram(idle).commands.filter(
  (command) => !['serve', 'completion', '__complete', 'version'].includes(command.name()),
);

const optionOf = (command: Command, long: string) => command.options.find((option) => option.long === long);
const having = (...flags: string[]) =>
  commands
    .filter((command) => flags.every((flag) => optionOf(command, flag)))
    .map((command) => command.name());

/** What a command is to be given, so that it goes about its work; those that aren't here need nothing. */
const arguments_: Readonly<Record<string, readonly string[]>> = {
  resolve: ['nginx', '-n', 'team-a'],
  adopt: ['team-a'],
  preflight: ['team-a'],
  pin: ['-n', 'team-a', manifest],
};
const full = (name: string, ...more: string[]) => [name, ...(arguments_[name] ?? []), ...more];
const run = (name: string, ...more: string[]) => tagpin(full(name, ...more));

/** What every command has that could have it, written alike. */
const shared: Readonly<Record<string, string>> = {
  '--output': '-o, --output <format>',
  '--namespace': '-n, --namespace <name>',
  '--all-namespaces': '-A, --all-namespaces',
  '--kubeconfig': '--kubeconfig <file>',
  '--context': '--context <name>',
  '--docker-config': '--docker-config <file>',
  '--registry-config': '--registry-config <file>',
  '--timeout': '--timeout <duration>',
  '--concurrency': '--concurrency <number>',
};

describe.each(commands.map((command) => ({ name: command.name(), command })))(
  'tagpin $name',
  ({ name, command }) => {
    test('has the options for registries, and those for JSON', () => {
      for (const long of ['--output', '--docker-config', '--registry-config', '--timeout', '--concurrency']) {
        expect(optionOf(command, long)?.flags).toBe(shared[long]);
      }
      expect(optionOf(command, '--output')?.argChoices).toContain('json');
    });

    test('writes as the others do what the others have too', () => {
      for (const option of command.options) {
        expect(shared[option.long ?? ''] ?? option.flags).toBe(option.flags);
        const same = commands.flatMap((other) => optionOf(other, option.long ?? '') ?? []);
        expect(new Set(same.map(({ flags }) => flags)).size).toBe(1);
        if (option.long === '--kubeconfig' || option.long === '--context') {
          expect(new Set(same.map(({ description }) => description)).size).toBe(1);
        }
      }
    });

    test('says in its help what its exit codes mean', async () => {
      const { code, stdout, stderr } = await parsed([name, '--help']);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(/^Exit codes: 0 [^,]+,(?: 1 .+,)? 2 wrong use, 3 [^,]+(?:, 4 .+)?\.$/m);
    });

    test('takes no option that it doesn’t have', async () => {
      const { code, stdout, stderr } = await run(name, '--nonsense');
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toContain("unknown option '--nonsense'");
      expect(stderr).toContain(`Run "tagpin ${name} --help" for its arguments and options.`);
    });

    test('takes no format that it doesn’t have', async () => {
      // To pin, it is a folder, where there are files to be written to it.
      const { code, stderr } = await (name === 'pin'
        ? tagpin(['pin', '-', '-o', 'nonsense'])
        : parsed(full(name, '-o', 'nonsense')));
      expect(code).toBe(2);
      expect(stderr).toContain('nonsense');
    });

    test.each(['0', '-1', 'many', '1001'])('takes no concurrency of %s', async (number) => {
      const { code, stderr } = await parsed(full(name, `--concurrency=${number}`));
      expect(code).toBe(2);
      expect(stderr).toContain('Write a number from 1 to 1000.');
    });

    const needy = command.options.filter(({ required }) => required).map(({ long }) => long ?? '');

    test.each(needy)('takes no %s that is empty, as a variable that isn’t set leaves it', async (flag) => {
      for (const given of [[flag, ''], [`${flag}=`]]) {
        const { code, stdout, stderr } = await parsed(full(name, ...given));
        expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
        expect(stderr).toMatch(/^(tagpin|error): /);
        expect(stderr).toMatch(
          / is given an empty text, .*; it needs a | can't be a namespace| Write | Allowed /,
        );
      }
    });

    test('takes no configuration that isn’t there', async () => {
      const file = join(folder, 'absent.yaml');
      const { code, stdout, stderr } = await run(name, '--registry-config', file);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toBe(
        `tagpin: configuration ${file} can't be read: there is no such file; correct the path\n`,
      );
    });
  },
);

test.each(having('--namespace'))('tagpin %s takes no namespace that can be none', async (name) => {
  const { code, stdout, stderr } = await tagpin([
    name,
    ...(name === 'resolve' ? ['nginx'] : []),
    '-n',
    'Bad_NS',
  ]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toBe(`tagpin: "Bad_NS" can't be a namespace's name; write it as kubectl lists it\n`);
});

describe.each(having('--kubeconfig'))('tagpin %s', (name) => {
  test('ends with 2 where there is no such kubeconfig', async () => {
    const { code, stdout, stderr } = await run(name, '--kubeconfig', join(folder, 'absent'));
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toBe(
      `tagpin: kubeconfig ${join(folder, 'absent')} can't be read: there is no such file; correct the path\n`,
    );
  });

  test('ends with 2 where the kubeconfig has no such context', async () => {
    const { code, stderr } = await run(name, '--kubeconfig', kubeconfig, '--context', 'nowhere');
    expect(code).toBe(2);
    expect(stderr).toContain('the kubeconfig has no context "nowhere"');
  });

  test('ends with 3 where no API server is', async () => {
    const file = join(folder, 'nobody');
    await writeKubeconfig(file, { url: 'https://127.0.0.1:1' });
    const { code, stdout, stderr } = await run(name, '--kubeconfig', file);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toMatch(/ECONNREFUSED.*; look at the kubeconfig/);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  test('ends with 3 when its time is up', async () => {
    const restore = api.fail({ effect: { outcome: 'hang' } });
    const { code, stderr } = await run(name, '--kubeconfig', kubeconfig, '--timeout', '1s');
    restore();
    expect(code).toBe(3);
    expect(stderr).toContain('no answer in time');
  });

  test('ends at once after Ctrl-C while the API server hangs', async () => {
    const restore = api.fail({ effect: { outcome: 'hang' } });
    const asked = api.requests.entries.length;
    const args = [name, ...(arguments_[name] ?? []), '--kubeconfig', kubeconfig];
    const { code, stderr } = await interrupted(args, () => api.requests.count() > asked);
    restore();
    expect({ code, stderr }).toEqual({ code: 130, stderr: 'tagpin: ended by SIGINT\n' });
  });
});

test('tagpin pin writes nowhere that isn’t named', async () => {
  const { code, stdout, stderr } = await tagpin(['pin', '-o', '', manifest]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toBe(
    "tagpin: --output is given an empty text, perhaps by a variable that isn't set; it needs a folder or json\n",
  );
});
