import { type Connection, connect } from '../../src/kubernetes/connection.ts';

/** What creating pods took. */
export interface Creation {
  /** Pods a second. */
  readonly rate: number;
  /** Milliseconds of one creation. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** Creates objects at the API server, so many at once, over connections that it keeps. */
export class Creator implements AsyncDisposable {
  readonly #connection: Connection;
  constructor(kubeconfig: string) {
    this.#connection = connect({ kubeconfig });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.close();
  }

  /**
   * @param path of the collection: `/api/v1/namespaces/shop/pods`
   * @param bodies what is created, as JSON, one after another
   * @throws when one isn't made as it should be
   */
  async createAll(
    path: string,
    bodies: readonly string[],
    atOnce: number,
    check: Check = () => true,
  ): Promise<Creation> {
    const times: number[] = [];
    const begun = performance.now();
    await this.each(bodies, atOnce, async (body) => {
      const started = performance.now();
      const { status, text } = await this.#send('POST', path, body);
      times.push(performance.now() - started);
      if (status !== 201 || !check(text)) throw new Error(`${status}: ${text}`);
    });
    const seconds = (performance.now() - begun) / 1000;
    const sorted = Float64Array.from(times).sort();
    const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
    return { rate: times.length / seconds, p50: at(0.5), p95: at(0.95), p99: at(0.99) };
  }

  /** Creates one object, given as such or as JSON; it as it was made. */
  async create(path: string, object: object | string): Promise<unknown> {
    const body = typeof object === 'string' ? object : JSON.stringify(object);
    const { status, text } = await this.#send('POST', path, body);
    if (status !== 201) throw new Error(`${status}: ${text}`);
    return JSON.parse(text);
  }

  /** Merges this, as JSON, into an object. */
  async patch(path: string, body: string): Promise<void> {
    const { status, text } = await this.#send('PATCH', path, body, 'application/merge-patch+json');
    if (status !== 200) throw new Error(`${status}: ${text}`);
  }

  /** What is at that path, as text. */
  async get(path: string): Promise<string> {
    const { status, text } = await this.#send('GET', path);
    if (status !== 200) throw new Error(`${status}: ${text}`);
    return text;
  }

  /** Does the work for each, so many at once. */
  async each<Item>(
    items: readonly Item[],
    atOnce: number,
    work: (item: Item) => Promise<void>,
  ): Promise<void> {
    const left = items.values();
    const workers = Array.from({ length: atOnce }, async () => {
      for (const item of left) await work(item);
    });
    await Promise.all(workers);
  }

  /** Deletes all of a collection. */
  async empty(path: string): Promise<void> {
    const { status, text } = await this.#send('DELETE', `${path}?gracePeriodSeconds=0`);
    if (status !== 200) throw new Error(`${status}: ${text}`);
  }

  async #send(method: Method, path: string, body?: string, type = 'application/json') {
    const { dispatcher, headers } = await this.#connection.access();
    if (dispatcher === undefined) throw new Error('the kubeconfig is for no API server with a CA of its own');
    const { statusCode, body: answer } = await dispatcher.request({
      origin: this.#connection.server,
      path,
      method,
      headers: { ...headers, 'content-type': type },
      ...(body !== undefined && { body }),
    });
    return { status: statusCode, text: await answer.text() };
  }
}

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

/** Whether what was made is as it should be. */
export type Check = (made: string) => boolean;
