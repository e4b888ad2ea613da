import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { ready, type ServeOptions, startWebhookProcess } from '../../test/support/webhook-process.ts';

const root = join(import.meta.dirname, '../..');
/** What Node is told in the image. */
const [, entrypoint = ''] = /^ENTRYPOINT (.*)$/m.exec(readFileSync(join(root, 'Dockerfile'), 'utf8')) ?? [];
const imageOptions = z
  .array(z.string())
  .parse(JSON.parse(entrypoint))
  .filter((word) => word.startsWith('--'));

/** The heap that Node.js takes in a container of 512 MiB, as the manifests have it. */
export const CONTAINER_HEAP = '--max-old-space-size=256';

/** `tagpin serve` as a process of its own, as it runs in its image. */
export interface TagpinProcess extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
  readonly healthPort: number;
  /** Milliseconds from the start of the process until it was ready. */
  readonly readyAfter: number;
}

export interface TagpinOptions extends Pick<ServeOptions, 'settings' | 'webhook' | 'ports'> {
  /** What Node is told besides. */
  readonly nodeOptions?: readonly string[];
  /** Runs the source in place of the bundle, which `npm run build` makes. */
  readonly fromSource?: boolean;
  /** The file that its log goes to, by default /dev/null, where it costs as much as in a container. */
  readonly log?: string;
}

/**
 * Starts tagpin and waits until it is ready.
 *
 * @param folder where its configuration is put
 */
export async function startTagpin(
  folder: string,
  kubeconfig: string,
  { nodeOptions = [], fromSource = false, log = '/dev/null', ...options }: TagpinOptions = {},
): Promise<TagpinProcess> {
  const main = join(root, fromSource ? 'src/main.ts' : 'dist/tagpin.js');
  const program = [...imageOptions, ...nodeOptions, main];
  const started = performance.now();
  const tagpin = await startWebhookProcess({ ...options, folder, kubeconfig, program, log });
  await ready(tagpin);
  const { child, port, healthPort } = tagpin;
  const readyAfter = performance.now() - started;
  const dispose = () => tagpin[Symbol.asyncDispose]();
  return { pid: child.pid ?? 0, port, healthPort, readyAfter, [Symbol.asyncDispose]: dispose };
}
