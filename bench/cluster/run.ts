import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { isolated } from '../../e2e/cluster/isolation.ts';
import { prepareBinaries } from '../../e2e/machine/binaries.ts';
import { type Figure, figureSchema, isMet, printFigures } from '../figure.ts';
import type { Settings } from './settings.ts';

/**
 * Does what is to be done at a real API server, in namespaces of its own, with which all that was started ends; prints
 * the figures, and writes them to a file. As root on Linux, with the programs that `npm run e2e` builds.
 */
export async function runInCluster(work: Settings['work'], report: string): Promise<void> {
  const interruption = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interruption.abort());
  const binaries = await prepareBinaries(interruption.signal);
  const directory = mkdtempSync(join(tmpdir(), 'tagpin-bench-'));
  try {
    const figures = await session({ directory, binaries, work }, interruption.signal);
    console.log(printFigures(figures));
    mkdirSync('.results', { recursive: true });
    const content = {
      node: process.version,
      work,
      figures: figures.map((figure) => ({ ...figure, met: isMet(figure) })),
    };
    writeFileSync(join('.results', report), `${JSON.stringify(content, null, 2)}\n`);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function session(settings: Settings, signal: AbortSignal): Promise<Figure[]> {
  const file = join(settings.directory, 'settings.json');
  writeFileSync(file, JSON.stringify(settings));
  const [program = '', ...args] = isolated([process.execPath, join(import.meta.dirname, 'session.ts'), file]);
  const child = spawn(program, args, { stdio: ['pipe', 'inherit', 'inherit'], detached: true });
  const end = () => child.stdin.destroy();
  signal.addEventListener('abort', end);
  if (signal.aborted) end();
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error('the cluster ended before all was measured');
  return z.array(figureSchema).parse(JSON.parse(readFileSync(figuresFile(settings.directory), 'utf8')));
}

/** Where the session leaves what it measured. */
export const figuresFile = (directory: string) => join(directory, 'figures.json');
