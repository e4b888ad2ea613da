import { createServer } from 'node:https';
import { z } from 'zod';

/**
 * A webhook that allows everything: the least that any on Node costs an API server. At `/patch` it changes an annotation,
 * which costs the API server more. The process is told by its parent what with, and says its port.
 */

const start = z.object({ cert: z.string(), key: z.string(), address: z.string() });
const patch = Buffer.from(
  JSON.stringify([{ op: 'add', path: '/metadata/annotations/example.com~1patched', value: 'yes' }]),
).toString('base64');
const review = z.object({ request: z.object({ uid: z.string() }) });

process.once('message', (message) => {
  const { cert, key, address } = start.parse(message);
  const server = createServer({ cert, key, minVersion: 'TLSv1.2' }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { uid } = review.parse(JSON.parse(Buffer.concat(chunks).toString('utf8'))).request;
      const change = request.url?.startsWith('/patch') ? { patchType: 'JSONPatch', patch } : {};
      const answer = { uid, allowed: true, ...change };
      const text = JSON.stringify({
        apiVersion: 'admission.k8s.io/v1',
        kind: 'AdmissionReview',
        response: answer,
      });
      response.setHeader('Content-Type', 'application/json; charset=utf-8');
      response.setHeader('Content-Length', text.length);
      response.end(text);
    });
  });
  server.keepAliveTimeout = 15 * 60_000;
  server.listen(0, address, () => {
    const listening = server.address();
    process.send?.({ port: typeof listening === 'object' ? listening?.port : undefined });
  });
});
process.on('disconnect', () => process.exit());
