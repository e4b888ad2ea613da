import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import { MARK, type Order } from './order.ts';

const HEAD_END = Buffer.from('\r\n\r\n');
const BODY_LENGTH = /^content-length: *(\d+)\r$/im;

/**
 * One connection that sends a request, waits for its answer, and sends the next. It knows as much of HTTP as it takes
 * to see where an answer ends: a client that knew all of it would have to work harder than the server.
 */
export class Connection {
  readonly #socket: TLSSocket;
  readonly #request: Buffer;
  readonly #marks: readonly number[];
  readonly #expected: string;
  #received: Buffer = Buffer.alloc(0);
  #waiting: { resolve: () => void; reject: (error: Error) => void } | undefined;

  private constructor(socket: TLSSocket, { request, variants, expected }: Order) {
    this.#socket = socket;
    this.#request = Buffer.from(request);
    this.#marks = variants > 1 ? [...request.matchAll(new RegExp(MARK, 'g'))].map(({ index }) => index) : [];
    this.#expected = expected;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', (error) => this.#waiting?.reject(error));
    socket.on('close', () => this.#waiting?.reject(new Error('the server closed the connection')));
  }

  static async open(order: Order): Promise<Connection> {
    const { port, ca, servername } = order;
    const socket = connect({ host: '127.0.0.1', port, ca, servername, ALPNProtocols: ['http/1.1'] });
    socket.setNoDelay();
    await once(socket, 'secureConnect');
    return new Connection(socket, order);
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed;
  }

  /** Sends the request of that number; resolves when it is answered as expected. */
  exchange(number: number): Promise<void> {
    if (this.#marks.length > 0) {
      const digits = String(number).padStart(MARK.length, '0');
      for (const at of this.#marks) this.#request.write(digits, at, 'latin1');
    }
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket.write(this.#request);
    });
  }

  #take(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    const end = this.#received.indexOf(HEAD_END);
    if (end === -1) return;
    const head = this.#received.toString('latin1', 0, end + 2);
    const length = Number(BODY_LENGTH.exec(head)?.[1] ?? Number.NaN);
    if (this.#received.length < end + HEAD_END.length + length) return;
    const answer = this.#received;
    this.#received = Buffer.alloc(0);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (head.startsWith('HTTP/1.1 200') && answer.includes(this.#expected)) waiting?.resolve();
    else waiting?.reject(new Error(`not what was expected: ${answer.toString().slice(0, 1000)}`));
  }
}
