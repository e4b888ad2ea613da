import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Checks } from '../demo/checks.ts';
import { Report, wrap } from '../demo/report.ts';
import { align, sideBySide } from '../demo/side-by-side.ts';
import { said } from './support/secrets/record.ts';
import { ready, startWebhookProcess } from './support/webhook-process.ts';

const ESCAPE = '\u001b';
const folder = mkdtempSync(join(tmpdir(), 'tagpin-demo-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Demo {
  child: ChildProcess;
  /** The folder of its temporary files. */
  temporary: string;
  output(): string;
  /** The exit code, once all output is written. */
  end(): Promise<unknown>;
}

/** Runs the demo in a process group of its own, its output in a pipe. */
function startDemo(): Demo {
  const temporary = mkdtempSync(join(folder, 'tmp-'));
  const child = spawn(process.execPath, [join(import.meta.dirname, '../demo/main.ts')], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: { ...process.env, TMPDIR: temporary, FORCE_COLOR: '1' },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += chunk));
  const closed = once(child, 'close');
  child.once('close', () => said('npm run demo', output));
  return { child, temporary, output: () => output, end: async () => (await closed)[0] };
}

/** Whether any process of the demo's group still runs. */
function isRunning({ child: { pid = Number.NaN } }: Demo): boolean {
  try {
    return process.kill(-pid, 0);
  } catch {
    return false;
  }
}

describe('npm run demo', () => {
  let demo: Demo;
  let code: unknown;
  let said: string;
  beforeAll(async () => {
    demo = startDemo();
    code = await demo.end();
    // joins wrapped lines
    said = demo.output().replace(/\s+/g, ' ');
  }, 40_000);

  test('holds', () => {
    expect(demo.output()).toMatch(/^25 checks held$/m);
    expect(demo.output()).not.toContain('✘');
    expect(code).toBe(0);
  });

  test('is plain text in a pipe, fit for a terminal of 100 columns and a README', () => {
    const lines = demo.output().trimEnd().split('\n');
    expect(demo.output()).not.toContain(ESCAPE);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100);
    expect(lines.length).toBeLessThanOrEqual(65);
  });

  test.each([
    [
      'the pod as written and as admitted',
      /image: localhost:\d+\/web:1\.2 \| image: \S+\/web@sha256:\w{12}…/,
    ],
    [
      'the annotation with the image as written',
      /> tagpin\.dev\/images: '\{"web":"localhost:\d+\/web:1\.2"\}'/,
    ],
    ['the unchanged pod and the new pod', /the new build (web@\S+) ✔ .*the pod is unchanged (?!\1)web@/],
    [
      'the digest that the ReplicaSet stores',
      /pins\.tagpin\.dev\/6d4cf56db6\.\w+: \{"localhost:\d+\/web:1\.2":"sha256:\w{12}…"\}/,
    ],
    [
      'one digest for all pods of a rollout, another for the next, and the first again',
      /three pods (web@\S+) ✔ \D*again \1 ✔ the next .*? build (?!\1)web@\S+ ✔ rolled back: .* again \1 ✔/,
    ],
    [
      'that they took no registry request',
      /9 pods of \S+ 0 registry requests, 0 Secrets read, 1 metadata read/,
    ],
    ['the private image, refused', /ledger:2\.0: access refused \(401\); no pull secret matches/],
    ['the private image, pinned for a pod', /imagePullSecrets: pinned ledger@sha256:/],
    ['the private image, pinned for a ServiceAccount', /ServiceAccount: pinned payroll@sha256:/],
    ['the refusal', /enforce: refused container "web": \S+\/web:9\.9: not found \(404 MANIFEST_UNKNOWN\)/],
    ['the warning', /not pinned: container "web": \S+\/web:9\.9: not found/],
    ['the warning in audit', /can't be pinned: container "web": \S+\/web:9\.9: not found/],
    ['the requests of the first pod', /the first pod 1 1 1 1 0/],
    ['the requests of its replica', /from the cache 0 0 0 0 0/],
  ])('shows %s', (_, pattern) => expect(said).toMatch(pattern));

  test('leaves nothing behind', () => {
    expect(readdirSync(demo.temporary)).toEqual([]);
    expect(isRunning(demo)).toBe(false);
  });
});

test.each(['SIGINT', 'SIGTERM'] as const)('on %s the demo leaves nothing behind either', async (signal) => {
  const demo = startDemo();
  while (!demo.output().includes('The tag moves')) await once(demo.child.stdout ?? demo.child, 'data');
  expect(readdirSync(demo.temporary)).toHaveLength(1);
  demo.child.kill(signal);
  expect(await demo.end()).toBe(130);
  expect(demo.output()).not.toContain('checks held');
  expect(readdirSync(demo.temporary)).toEqual([]);
  expect(isRunning(demo)).toBe(false);
});

test('a webhook that fails to start is reported with the end of its log, and without a stack', async () => {
  const settings = { pin: { keeptag: true } };
  await using webhook = await startWebhookProcess({ folder, kubeconfig: 'none', settings });
  const failure = await ready(webhook).catch((error: unknown) => String(error));
  expect(failure).toContain("the webhook isn't ready; its log ends with:\n");
  expect(failure).toContain('pin.keeptag: no such key');
  expect(failure).not.toMatch(/^ +at /m);
});

describe('checks', () => {
  const checksOf = (...results: boolean[]) => {
    const checks = new Checks();
    results.forEach((holds, index) => void checks.check(`claim ${index}`, holds));
    return checks;
  };

  test('exit with 0 if all hold', () => {
    expect(checksOf(true, true)).toMatchObject({ exitCode: 0 });
    expect(checksOf(true, true).summary()).toEqual(['2 checks held']);
  });

  test('exit with 1 if one does not hold, and name it', () => {
    expect(checksOf(true, false, true)).toMatchObject({ exitCode: 1 });
    expect(checksOf(true, false, true).summary()).toEqual(['1 of 3 checks did not hold:', '  claim 1']);
  });

  test('exit with 1 if none was made', () => expect(checksOf().exitCode).toBe(1));
});

describe('a report', () => {
  const reportOf = (coloured: boolean, holds: boolean) => {
    const lines: string[] = [];
    const report = new Report((line) => void lines.push(line), coloured);
    report.claim('the sky is blue', holds, 'seen');
    report.end();
    return { report, text: lines.join('\n') };
  };

  test('marks a claim that does not hold, names it at the end, and fails', () => {
    const { report, text } = reportOf(false, false);
    expect(text).toMatch(/✘ the sky is blue +seen\n\n1 of 1 checks did not hold:\n {2}the sky is blue$/);
    expect(report.exitCode).toBe(1);
  });

  test('has colours only if asked to', () => {
    expect(
      [reportOf(true, true).text, reportOf(false, true).text].map((text) => text.includes(ESCAPE)),
    ).toEqual([true, false]);
  });

  test('wraps at words', () => expect(wrap('one two  three', 8)).toEqual(['one two', 'three']));
});

describe('side by side', () => {
  const layout = { width: 20, changed: (text: string) => `[${text}]` };
  const columns = (left: string[], right: string[], width = 20) =>
    sideBySide({ title: 'L', lines: left }, { title: 'R', lines: right }, { ...layout, width });

  test.each([
    ['equal', ['a', 'b'], ['a', 'b'], ['a  a', 'b  b']],
    ['changed', ['a', 'b', 'c'], ['a', 'x', 'c'], ['a  a', 'b|x', 'c  c']],
    ['added', ['a', 'c'], ['a', 'b', 'c'], ['a  a', '>b', 'c  c']],
    ['removed', ['a', 'b', 'c'], ['a', 'c'], ['a  a', 'b<', 'c  c']],
    ['changed and added', ['a', 'c'], ['x', 'b', 'c'], ['a|x', '>b', 'c  c']],
    ['moved', ['a', 'b', 'c', 'd'], ['b', 'c', 'd', 'a'], ['a<', 'b  b', 'c  c', 'd  d', '>a']],
    ['none on either side', [], [], []],
    ['none on the left', [], ['a'], ['>a']],
    ['none on the right', ['a'], [], ['a<']],
  ])('pairs lines: %s', (_, left, right, rows) => {
    const printed = align(left, right).map((row) => `${row.left}${row.mark.replace(' ', '  ')}${row.right}`);
    expect(printed).toEqual(rows);
  });

  test('colours what changed, and not its indentation', () => {
    expect(columns(['same', '  old'], ['same', '  new', '  more'])).toEqual([
      'L       R',
      'same    same',
      '  [old] |   [new]',
      '      >   [more]',
    ]);
  });

  test('cuts what is too wide for its column, and keeps to the width', () => {
    const lines = columns(['a'.repeat(30)], ['a'.repeat(30)]);
    expect(lines).toEqual(['L          R', 'aaaaaaa…   aaaaaaaa…']);
    expect(Math.max(...lines.map((line) => line.length))).toBe(20);
  });

  test('gives a short column no more than it needs', () => {
    expect(columns(['ab'], ['x'.repeat(15)])[1]).toBe(`[ab] | [${'x'.repeat(15)}]`);
  });
});
