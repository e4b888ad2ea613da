import { connect } from '../../src/kubernetes/connection.ts';

/** Requests to the API server over connections that it keeps. A refusal is thrown; the answer is JSON, or metrics. */
export class Api implements AsyncDisposable {
  readonly #connection;

  constructor(kubeconfig: string) {
    this.#connection = connect({ kubeconfig });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.close();
  }

  get = (path: string) => this.#send('GET', path);

  /** Creates an object, given as JSON, in a collection: `/api/v1/namespaces/shop/pods`. */
  create = (path: string, body: string) => this.#send('POST', path, body);

  /** Merges this, as JSON, into an object. */
  patch = (path: string, body: string) => this.#send('PATCH', path, body, 'application/merge-patch+json');

  /** Deletes all of a collection. */
  empty = (path: string) => this.#send('DELETE', `${path}?gracePeriodSeconds=0`);

  async #send(
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
    path: string,
    body: string | null = null,
    type = 'application/json',
  ): Promise<string> {
    const { dispatcher, headers } = await this.#connection.access();
    if (dispatcher === undefined) throw new Error('the kubeconfig is for no API server with a CA of its own');
    const origin = this.#connection.server;
    const sent = { origin, path, method, body, headers: { ...headers, 'content-type': type } };
    const { statusCode, body: answer } = await dispatcher.request(sent);
    const text = await answer.text();
    if (statusCode > 201) throw new Error(`${method} ${path}: ${statusCode} ${text}`);
    return text;
  }
}
