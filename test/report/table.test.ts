import { expect, test } from 'vitest';
import { printTable } from '../../src/report/table.ts';

test('columns are as wide as their widest cell, and no line ends in blanks', () => {
  const rows = [
    ['replicaset/web', 'adopted', ''],
    ['job/x', 'stored already', 'a note'],
  ];
  expect(printTable(['REVISION', 'STATE', 'NOTE'], rows)).toBe(
    [
      'REVISION         STATE            NOTE',
      'replicaset/web   adopted',
      'job/x            stored already   a note',
      '',
    ].join('\n'),
  );
});
