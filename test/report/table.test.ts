import { expect, test } from 'vitest';
import { printCsv, printTable } from '../../src/report/table.ts';

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

test('cells are quoted where RFC 4180 wants it', () => {
  expect(
    printCsv(
      ['a', 'b'],
      [
        ['plain', 'with, comma'],
        ['"quoted"', 'two\nlines'],
      ],
    ),
  ).toBe('a,b\r\nplain,"with, comma"\r\n"""quoted""","two\nlines"\r\n');
});

test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\tx'])('%j is no formula', (cell) => {
  expect(printCsv(['a'], [[cell]])).toBe(`a\r\n'${cell}\r\n`);
});
