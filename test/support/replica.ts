import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../src/clock.ts';
import { serve } from '../../src/commands/serve.ts';
import { readEnvironment } from '../../src/config/environment.ts';
import { parseConfig } from '../../src/config.ts';
import { connect } from '../../src/kubernetes/connection.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { freePort } from './listen.ts';
import { said } from './secrets/record.ts';
import { health } from './webhook-process.ts';

export interface ReplicaOptions {
  readonly kubeconfig: string;
  readonly clock: Clock;
  /** Further keys of the configuration's `webhook`. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

/** `tagpin serve` in this process, so that the test can advance its clock. */
export class Replica implements AsyncDisposable {
  readonly port: number;
  readonly healthPort: number;
  /** The lines of the log. */
  readonly log: string[] = [];
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;

  constructor(ports: readonly [number, number], { kubeconfig, clock, settings }: ReplicaOptions) {
    [this.port, this.healthPort] = ports;
    const webhook = { port: this.port, healthPort: this.healthPort, drain: '0s', ...settings };
    const config = parseConfig(JSON.stringify({ webhook }), 'test');
    const log = createLogger('info', {
      write: (line: string) => void this.log.push(said("webhook's log", line)),
    });
    const connection = connect({ kubeconfig });
    this.#ended = serve(config, readEnvironment({}), connection, log, this.#stop.signal, clock);
  }

  /** Returns when it answers on its health port and, by default, is ready. */
  static async start(options: ReplicaOptions, { isReady = true } = {}): Promise<Replica> {
    const replica = new Replica([await freePort(), await freePort()], options);
    await until(async () => {
      const status = (await health(replica, '/readyz'))?.status;
      return status === 200 || (!isReady && status !== undefined);
    });
    return replica;
  }

  /** When its serving certificate expires, from its metrics; seconds since 1970. */
  async expiry(): Promise<number> {
    const text = (await health(this, '/metrics'))?.text ?? '';
    return Number(/^tagpin_certificate_expiry_timestamp_seconds (\S+)$/m.exec(text)?.[1]);
  }

  async [Symbol.asyncDispose]() {
    this.#stop.abort();
    await this.#ended;
  }
}

/** Waits until the condition holds, for at most ten seconds. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt++) {
    if (await condition()) return;
    await delay(25);
  }
  throw new Error('waited for ten seconds');
}
