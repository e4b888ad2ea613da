import { describe, expect, test } from 'vitest';
import { parseRewrite, rewritten } from '../../src/config/rewrite.ts';

const rule = (expression: string, template: string) => {
  const parsed = parseRewrite(expression, template);
  if (parsed === undefined) throw new Error('no rule');
  return parsed;
};

describe('a repository is called otherwise at a mirror', () => {
  test.each([
    ['^rancher/(.*)', 'prod/rancher-images/$1', 'rancher/pause', 'prod/rancher-images/pause'],
    ['(.*)', `mirror/\${1}`, 'library/nginx', 'mirror/library/nginx'],
    ['^(?P<team>[^/]+)/', `\${team}-mirror/`, 'a/b/c', 'a-mirror/b/c'],
    ['(?i)^TEAM/', 'x/', 'team/app', 'x/app'],
    ['/', '-', 'a/b/c', 'a-b-c'],
    ['^b/', 'x/', 'a/b', 'a/b'],
    ['a', '$$1$2', 'ba', 'b$1'],
    ['^(a)', '$1x', 'a/b', '/b'],
  ])('by %s to %s: %s', (expression, template, repository, called) => {
    expect(rewritten(repository, [rule(expression, template)])).toBe(called);
  });

  test('by the first rule that changes it', () => {
    expect(rewritten('a/b', [rule('^x', 'y'), rule('^a', 'c'), rule('^a', 'd')])).toBe('c/b');
  });

  test.each(['[[:alpha:]]+', '\\z', '(a', '(?U)a'])(
    'but not by %s, which JavaScript has not',
    (expression) => {
      expect(parseRewrite(expression, 'x')).toBeUndefined();
    },
  );
});
