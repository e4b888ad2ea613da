import { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import type { ApiServer } from '../../test/support/api-server.ts';
import type { Cluster } from '../cluster.ts';
import { targetsOf } from '../webhook-configuration.ts';
import type { Stage } from './stage.ts';

/** tagpin created and published its own certificate. */
export function theWebhookIsTrusted({ report }: Stage, { api }: Cluster) {
  const targets = ['shop', 'staff', 'sandbox', 'museum'].flatMap((namespace) =>
    targetsOf(api, namespace, 'pods'),
  );
  const certificate = storedCertificate(api);
  const trusted = targets.every(({ ca }) => ca !== '' && certificate?.checkIssued(new X509Certificate(ca)));
  const names = new Set(targets.map(({ servername }) => servername));
  report.claim(
    'it created its certificate, and published the CA to the API server',
    targets.length === 4 && trusted,
    [...names].join(' '),
  );
}

function storedCertificate(api: ApiServer): X509Certificate | undefined {
  const schema = z.object({ data: z.object({ 'tls.crt': z.base64() }) });
  const { data } = schema.safeParse(api.find('Secret', 'tagpin-system', 'tagpin-certificate'));
  return data && new X509Certificate(Buffer.from(data.data['tls.crt'], 'base64'));
}
