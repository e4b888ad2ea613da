import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import { CONNECTIONS, MARK, numbered, type Order, type Outcome, quantile } from './load.ts';
import { answerTasks } from './thread.ts';

const HEAD_END = Buffer.from('\r\n\r\n');
const BODY_LENGTH = /^content-length: *(\d+)\r$/im;
/** Every answer is to change the pod. */
const PATCHED = '"patchType":"JSONPatch"';

/**
 * One connection that sends a request, waits for its answer, and sends the next. It knows no more of HTTP than where an
 * answer ends: a full client would work harder than the server.
 */
class Connection {
  readonly #socket: TLSSocket;
  readonly #request: Buffer;
  readonly #marks: readonly number[];
  #received: Buffer = Buffer.alloc(0);
  #waiting: PromiseWithResolvers<void> | undefined;

  private constructor(socket: TLSSocket, { request, variants }: Order) {
    this.#socket = socket;
    this.#request = Buffer.from(request);
    this.#marks = variants > 1 ? [...request.matchAll(new RegExp(MARK, 'g'))].map(({ index }) => index) : [];
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

  /** Sends the request of that number; resolves when it is answered with a patch. */
  exchange(number: number): Promise<void> {
    for (const at of this.#marks) this.#request.write(numbered(number), at, 'latin1');
    this.#waiting = Promise.withResolvers();
    this.#socket.write(this.#request);
    return this.#waiting.promise;
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
    if (head.startsWith('HTTP/1.1 200') && answer.includes(PATCHED)) this.#waiting?.resolve();
    else this.#waiting?.reject(new Error(`no patch: ${answer.toString().slice(0, 1000)}`));
  }
}

/** The connections of an order, and which request comes next: the same order goes on where it ended. */
interface Session {
  open: Connection[];
  next: number;
}
const sessions = new Map<string, Session>();

answerTasks<Order, Outcome>(async (order) => {
  const key = `${order.port} ${order.request}`;
  const session = sessions.get(key) ?? { open: [], next: 0 };
  sessions.set(key, session);
  // Handshakes aren't measured; a server may have closed what was idle.
  session.open = session.open.filter(({ isOpen }) => isOpen);
  while (session.open.length < CONNECTIONS) session.open.push(await Connection.open(order));

  const { until, variants } = order;
  const started = performance.now();
  const cpu = process.threadCpuUsage();
  const end = 'milliseconds' in until ? started + until.milliseconds : Number.POSITIVE_INFINITY;
  let left = 'requests' in until ? until.requests : Number.POSITIVE_INFINITY;
  const times: number[] = [];
  const work = async (connection: Connection) => {
    while (left > 0 && performance.now() < end) {
      left--;
      const sent = performance.now();
      await connection.exchange(session.next++ % variants);
      times.push(performance.now() - sent);
    }
  };
  await Promise.all(session.open.map(work));
  const milliseconds = performance.now() - started;
  const { user, system } = process.threadCpuUsage(cpu);
  return {
    answers: times.length,
    milliseconds,
    generatorLoad: (user + system) / 1000 / milliseconds,
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
  };
});
