import { createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { parseReference } from '../../src/image/reference.ts';
import { clientFor, patient } from './clients.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const answer = [
  'HTTP/1.1 200 OK',
  'Content-Type: application/vnd.oci.image.index.v1+json',
  `Docker-Content-Digest: ${digest}`,
  'Content-Length: 2',
  '',
  '',
].join('\r\n');

/** A server that answers each HEAD on a connection with the next of these bytes, and then the last again. */
async function serve(...answers: string[]) {
  const sockets = new Set<Socket>();
  let [connections, requests] = [0, 0];
  const server = createServer((socket) => {
    connections++;
    sockets.add(socket);
    socket.on('error', () => undefined);
    let head = '';
    socket.on('data', (data) => {
      head += data.toString('latin1');
      if (!head.endsWith('\r\n\r\n')) return;
      head = '';
      socket.write(answers[Math.min(requests++, answers.length - 1)] ?? '');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const host = `127.0.0.1:${address.port}`;
  const client = clientFor(host);
  return {
    resolve: async () => (await client.resolve(parseReference(`${host}/app:1`), undefined, patient())).digest,
    seen: () => ({ connections, requests }),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

test('one HEAD after the other goes over one connection', async () => {
  await using server = await serve(answer);
  for (let count = 0; count < 5; count++) expect(await server.resolve()).toBe(digest);
  expect(server.seen()).toEqual({ connections: 1, requests: 5 });
});

test('a body that no answer to HEAD may have breaks the connection, and nothing else', async () => {
  await using server = await serve(`${answer}{}`);
  for (let count = 0; count < 3; count++) {
    expect(await server.resolve()).toBe(digest);
    // It may come when the connection is idle, or be taken for the next answer.
    await new Promise((resolve) => setTimeout(resolve, count * 10));
  }
});

test('nor is such a body, when late, taken for the next answer', async () => {
  await using server = await serve(answer, `{}${answer}`, answer);
  for (let count = 0; count < 3; count++) expect(await server.resolve()).toBe(digest);
  expect(server.seen().connections).toBe(2);
});
