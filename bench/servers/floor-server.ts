import { createServer } from 'node:https';
import { z } from 'zod';

/**
 * What any webhook on Node has to do, and no more: reads the request, parses it, and answers something of the size of a
 * real answer. The process is told by its parent what with, and says its port.
 */

const start = z.object({ cert: z.string(), key: z.string(), answer: z.string() });

process.once('message', (message) => {
  const { cert, key, answer } = start.parse(message);
  const server = createServer({ cert, key, minVersion: 'TLSv1.2' }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      JSON.parse(Buffer.concat(chunks).toString('utf8'));
      response.setHeader('Content-Type', 'application/json; charset=utf-8');
      response.setHeader('Content-Length', answer.length);
      response.end(answer);
    });
  });
  server.keepAliveTimeout = 15 * 60_000;
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    process.send?.({ port: typeof address === 'object' ? address?.port : undefined });
  });
});
process.on('disconnect', () => process.exit());
