import { Connection } from './connection.ts';
import { type Order, type Outcome, order } from './order.ts';

/** The process that sends reviews: it takes orders from its parent, one after the other. */

/** What is sent to whom. */
const keyOf = ({ port, request }: Order) => `${port} ${request}`;

const connections = new Map<string, Connection[]>();

/**
 * The same order finds its connections open: what is measured is requests, not handshakes. A server may have closed
 * those that it had been sent nothing on.
 */
async function connectionsOf(wanted: Order): Promise<Connection[]> {
  const known = connections.get(keyOf(wanted)) ?? [];
  const open = known.filter(({ isOpen }) => isOpen);
  while (open.length < wanted.connections) open.push(await Connection.open(wanted));
  connections.set(keyOf(wanted), open);
  return open;
}

/** Which request comes next; not from the start with each order, or it would never get to the last. */
const numbers = new Map<string, number>();

async function carryOut(wanted: Order): Promise<Outcome> {
  const open = await connectionsOf(wanted);
  const { until, variants } = wanted;
  let number = numbers.get(keyOf(wanted)) ?? 0;
  const started = performance.now();
  const cpu = process.cpuUsage();
  const end = 'milliseconds' in until ? started + until.milliseconds : Number.POSITIVE_INFINITY;
  let left = 'requests' in until ? until.requests : Number.POSITIVE_INFINITY;
  const times: number[] = [];
  const work = async (connection: Connection) => {
    while (left > 0 && performance.now() < end) {
      left--;
      const sent = performance.now();
      await connection.exchange(number++ % variants);
      times.push(performance.now() - sent);
    }
  };
  await Promise.all(open.map(work));
  const milliseconds = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  numbers.set(keyOf(wanted), number);
  const sorted = Float64Array.from(times).sort();
  const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
  return {
    answers: times.length,
    milliseconds,
    generatorLoad: (user + system) / 1000 / milliseconds,
    p50: at(0.5),
    p99: at(0.99),
  };
}

process.on('message', async (message) => {
  try {
    process.send?.({ outcome: await carryOut(order.parse(message)) });
  } catch (error) {
    process.send?.({ error: error instanceof Error ? error.message : String(error) });
  }
});
process.on('disconnect', () => process.exit());
