import { createServer } from 'node:https';
import { z } from 'zod';

/**
 * What any webhook in Node.js does, and no more: it reads a review, parses it, and allows it. At `/patch` it answers with
 * a patch. Its parent tells it the rest; it says its port.
 */

const start = z.object({ cert: z.string(), key: z.string(), address: z.string(), patch: z.string() });
const review = z.object({ request: z.object({ uid: z.string() }) });

process.once('message', (message) => {
  const { cert, key, address, patch } = start.parse(message);
  const patched = { patchType: 'JSONPatch', patch };
  const server = createServer({ cert, key, minVersion: 'TLSv1.2' }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { uid } = review.parse(JSON.parse(Buffer.concat(chunks).toString('utf8'))).request;
      const change = request.url?.startsWith('/patch') ? patched : undefined;
      const answer = JSON.stringify({
        apiVersion: 'admission.k8s.io/v1',
        kind: 'AdmissionReview',
        response: { uid, allowed: true, ...change },
      });
      response.setHeader('Content-Type', 'application/json; charset=utf-8');
      response.setHeader('Content-Length', answer.length);
      response.end(answer);
    });
  });
  server.keepAliveTimeout = 15 * 60_000;
  server.listen(0, address, () => {
    const listening = server.address();
    process.send?.({ port: typeof listening === 'object' ? listening?.port : undefined });
  });
});
process.on('disconnect', () => process.exit());
