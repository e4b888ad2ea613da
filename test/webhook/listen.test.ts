import { once } from 'node:events';
import { createServer } from 'node:https';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { listen } from '../../src/webhook/listen.ts';
import { createAuthority } from '../support/authority.ts';

test('a connection that never begins its TLS handshake keeps nothing from closing', async () => {
  const authority = await createAuthority();
  const server = createServer(await authority.issue(['127.0.0.1']));
  const listening = await listen(server, 0, 200);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const socket = connect(address.port, '127.0.0.1');
  await once(socket, 'connect');
  const ended = once(socket, 'close');
  await listening.close();
  await ended;
  expect(server.listening).toBe(false);
});
