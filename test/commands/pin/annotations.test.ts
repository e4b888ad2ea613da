import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tagpin } from '../../support/command-line.ts';
import { makeFolder } from '../../support/folder.ts';

const pod = (image: string) => `apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: ${image}\n`;

describe('tagpin pin --check annotates lines', () => {
  test('for GitHub, each finding as one command, whatever is in it', async () => {
    using folder = makeFolder({ 'a,b.yaml': pod('nowhere.invalid/a:1'), 'c.yaml': pod('"x%\\n::error::"') });
    const { code, stdout } = await tagpin(['pin', '--check', '-o', 'github', folder.path]);
    expect(code).toBe(3);
    const at = (name: string) => join(folder.path, name).replaceAll(',', '%2C');
    expect(stdout.trim().split('\n')).toEqual([
      `::error file=${at('a,b.yaml')},line=5,col=12,title=tagpin::Pod, spec.containers[0].image: nowhere.invalid/a:1: not pinned`,
      expect.stringMatching(
        new RegExp(
          `^::error file=${at('c.yaml')},line=5,col=12,title=tagpin::Pod, spec.containers\\[0\\].image: x%25.u{a}`,
        ),
      ),
    ]);
  });

  test('as SARIF', async () => {
    using folder = makeFolder({ 'a b.yaml': pod('nowhere.invalid/a:1'), 'bad.yaml': 'a: [\n' });
    const { stdout } = await tagpin(['pin', '--check', '-o', 'sarif', folder.path]);
    const { version, runs } = JSON.parse(stdout);
    expect(version).toBe('2.1.0');
    const location = (name: string, startLine: number, startColumn: number) => [
      {
        physicalLocation: {
          artifactLocation: { uri: join(folder.path, name).replaceAll(' ', '%20') },
          region: { startLine, startColumn },
        },
      },
    ];
    expect(runs[0].results).toMatchObject([
      { ruleId: 'unpinned', level: 'error', locations: location('a b.yaml', 5, 12) },
      { ruleId: 'unreadable', level: 'error', locations: location('bad.yaml', 1, 4) },
    ]);
    const known = runs[0].tool.driver.rules.map(({ id }: { id: string }) => id);
    expect(known).toEqual(expect.arrayContaining(['unpinned', 'unreadable']));
  });
});
