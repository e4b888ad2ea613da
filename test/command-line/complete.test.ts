import { execFileSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { expect, test } from 'vitest';
import { complete } from '../../src/command-line/complete.ts';
import { createProgram } from '../../src/command-line/program.ts';
import { tagpin } from '../support/command-line.ts';
import { makeFolder } from '../support/folder.ts';
import { idle } from './programs.ts';

const program = createProgram(idle);
const of = (...words: string[]) => {
  const { candidates, files } = complete(program, words);
  return { texts: candidates.map(({ text }) => text), files };
};

test.each<[string[], string[]]>([
  [['re'], ['resolve']],
  [['resolve', '--o'], ['--output']],
  [['resolve', '-o', ''], ['json']],
  [['adopt', '--prefer', 'o'], ['oldest']],
  [['adopt', '--prefer=o'], ['--prefer=oldest']],
  [['adopt', '--dry-run', '--pref'], ['--prefer']],
  [
    ['audit', '--only', 'la'],
    ['latest', 'label'],
  ],
  [['--vers'], ['--version']],
  [
    ['completion', ''],
    ['bash', 'zsh', 'fish'],
  ],
  [['help', 'ad'], ['adopt']],
  [['resolve', '--', '--o'], []],
  [['resolve', 'nginx', ''], []],
  [['nonsense', 're'], ['resolve']],
])('%j can become %j', (words, texts) => expect(of(...words)).toEqual({ texts, files: false }));

test('every command can be completed, and every option of each', () => {
  const commands = program.commands.filter((command) => command.name() !== '__complete');
  expect(of('').texts).toEqual([...commands.map((command) => command.name()), 'help']);
  for (const command of commands) {
    const flags = command.options.map(({ long }) => long);
    expect(of(command.name(), '--').texts).toEqual([...flags, '--help']);
  }
});

test.each([[['adopt', '--kubeconfig', '']], [['resolve', '--docker-config', 'x']], [['serve', '--config=']]])(
  'where %j ends, a file may stand',
  (words) => expect(of(...words)).toEqual({ texts: [], files: true }),
);

/** What bash offers for a line, with the script loaded as users load it. */
function bash(line: string): string[] {
  using folder = makeFolder();
  const program = folder.write(
    'tagpin',
    `#!/bin/sh\nexec ${process.execPath} ${join(import.meta.dirname, '../../src/main.ts')} "$@"\n`,
  );
  chmodSync(program, 0o755);
  const script = `
    source <(tagpin completion bash)
    line=$1
    read -ra COMP_WORDS <<<"\${line//=/ = }"
    [[ $line == *' ' || $line == *= ]] && COMP_WORDS+=('')
    COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
    $(complete -p tagpin | sed 's/.*-F \\([^ ]*\\).*/\\1/')
    printf '%s\\n' "\${COMPREPLY[@]}"
  `;
  const output = execFileSync('bash', ['--norc', '-c', script, 'bash', line], {
    encoding: 'utf8',
    env: { ...process.env, PATH: `${folder.path}${delimiter}${process.env['PATH']}` },
  });
  return output.split('\n').filter((word) => word !== '');
}

test.each<[string, string[]]>([
  ['tagpin re', ['resolve']],
  ['tagpin adopt --prefer ', ['newest', 'oldest']],
  ['tagpin adopt --prefer=o', ['oldest']],
  ['tagpin resolve --service', ['--service-account']],
])('bash completes "%s"', (line, words) => expect(bash(line)).toEqual(words));

test('kubectl is told in the words of cobra', async () => {
  expect(await tagpin(['__complete', 'adopt', '--pref'])).toMatchObject({
    code: 0,
    stdout: '--prefer\tif pods of a revision run several digests, take the digest of these\n:4\n',
  });
  expect(await tagpin(['__complete', 'adopt', '--kubeconfig', ''])).toMatchObject({
    code: 0,
    stdout: ':0\n',
  });
});

test('what it prints for a shell is what that shell can read', async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, stdout } = await tagpin(['completion', shell]);
    expect({ code, isThere: stdout.includes('__complete') }).toEqual({ code: 0, isThere: true });
  }
  expect(await tagpin(['completion', 'tcsh'])).toMatchObject({ code: 2 });
});
