import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { parseJson } from '../../src/json.ts';

const names = ['chromium', 'chromium-browser', 'google-chrome'];

/** This machine's browser; undefined if there is none. */
export const chromium = names.find((name) => spawnSync(name, ['--version']).status === 0);

/** Why tests of a page are skipped; undefined if they aren't. With CI set, none is. */
export const withoutBrowser =
  chromium === undefined && !process.env['CI'] ? 'there is no chromium: apt-get install chromium' : undefined;

/** A page in a headless browser, driven through the DevTools protocol. */
export interface Tab extends AsyncDisposable {
  /** Evaluates an expression in the page. */
  evaluate(expression: string): Promise<unknown>;
  setScheme(scheme: 'light' | 'dark'): Promise<void>;
  /** The width of the screen, in the page's pixels. */
  setWidth(width: number): Promise<void>;
  /** A screenshot as a PNG. */
  screenshot(): Promise<Buffer>;
  /** The page's network requests, and the messages of its console. */
  readonly requests: string[];
  readonly messages: string[];
}

const messageSchema = z.object({
  id: z.number().optional(),
  method: z.string().optional(),
  params: z.unknown().optional(),
  result: z.unknown().optional(),
  error: z.object({ message: z.string() }).optional(),
});
const targets = z.array(z.object({ type: z.string(), webSocketDebuggerUrl: z.string() }));

/** Opens a file as a recipient of it would. */
export async function openPage(path: string, { width = 1400, height = 1800 } = {}): Promise<Tab> {
  const folder = mkdtempSync(join(tmpdir(), 'tagpin-browser-'));
  const options = ['--headless', '--no-sandbox', '--disable-gpu', '--remote-debugging-port=0'];
  const size = `--window-size=${width},${height}`;
  const browser = spawn(
    chromium ?? 'chromium',
    [...options, size, `--user-data-dir=${folder}`, 'about:blank'],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  const port = await portOf(browser.stderr);
  const list = targets.parse(await (await fetch(`http://127.0.0.1:${port}/json`)).json());
  const socket = new WebSocket(list.find(({ type }) => type === 'page')?.webSocketDebuggerUrl ?? '');
  await once(socket, 'open');

  const waiting = new Map<number, (message: z.infer<typeof messageSchema>) => void>();
  const requests: string[] = [];
  const messages: string[] = [];
  const loaded = Promise.withResolvers<void>();
  socket.addEventListener('message', ({ data }) => {
    const message = messageSchema.parse(parseJson(String(data)));
    if (message.id !== undefined) waiting.get(message.id)?.(message);
    if (message.method === 'Page.loadEventFired') loaded.resolve();
    const text = JSON.stringify(message.params);
    if (message.method === 'Network.requestWillBeSent') requests.push(text);
    if (message.method === 'Log.entryAdded' || message.method === 'Runtime.exceptionThrown')
      messages.push(text);
  });
  let last = 0;
  const send = async (method: string, params: object = {}): Promise<unknown> => {
    const id = ++last;
    const { promise, resolve } = Promise.withResolvers<z.infer<typeof messageSchema>>();
    waiting.set(id, resolve);
    socket.send(JSON.stringify({ id, method, params }));
    const { result, error } = await promise;
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result;
  };

  for (const domain of ['Page', 'Network', 'Log', 'Runtime']) await send(`${domain}.enable`);
  await send('Page.navigate', { url: `file://${path}` });
  await loaded.promise;
  const value = z.object({
    result: z.object({ value: z.unknown().optional() }),
    exceptionDetails: z.object({ text: z.string() }).optional(),
  });
  return {
    requests,
    messages,
    async evaluate(expression) {
      const answer = value.parse(await send('Runtime.evaluate', { expression, returnByValue: true }));
      if (answer.exceptionDetails !== undefined) throw new Error(answer.exceptionDetails.text);
      return answer.result.value;
    },
    async setScheme(scheme) {
      await send('Emulation.setEmulatedMedia', {
        features: [{ name: 'prefers-color-scheme', value: scheme }],
      });
    },
    async setWidth(width) {
      await send('Emulation.setDeviceMetricsOverride', {
        width,
        height: 1800,
        deviceScaleFactor: 1,
        mobile: false,
      });
    },
    async screenshot() {
      const { data } = z.object({ data: z.string() }).parse(await send('Page.captureScreenshot'));
      return Buffer.from(data, 'base64');
    },
    async [Symbol.asyncDispose]() {
      socket.close();
      const ended = once(browser, 'exit');
      browser.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
}

async function portOf(stderr: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: stderr })) {
    const [, port] = /DevTools listening on ws:\/\/127\.0\.0\.1:(\d+)\//.exec(line) ?? [];
    if (port !== undefined) {
      stderr.resume();
      return port;
    }
  }
  throw new Error('the browser has ended before it listened');
}
