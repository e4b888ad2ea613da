import { expiryOf, faultOf, isSignedByOneOf, renewalTime } from '../certificate/certificate.ts';
import type { KeyPair } from '../config/pem.ts';
import { certificatesIn } from '../pem.ts';
import { type Asked, type Check, checkOf } from './check.ts';
import type { WebhookConfiguration } from './webhook-configuration.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const day = (date: Date) => date.toISOString().slice(0, 10);

/** Whether every webhook entry has a CA that hasn't expired. */
export function caBundleCheck({ webhooks }: WebhookConfiguration, now: number): Check {
  const name = 'caBundle';
  const cas = webhooks.map((entry) => ({ entry: entry.name, cas: casOf(entry) }));
  const without = cas.filter((entry) => entry.cas.length === 0).map(({ entry }) => entry);
  if (without.length > 0) {
    const detail = `${without.join(', ')}: no caBundle; tagpin fills it in when it runs: look at its pods and their logs`;
    return { name, result: 'problem', detail };
  }
  const expired = cas.filter((entry) => entry.cas.every((ca) => expiryOf(ca).getTime() <= now));
  if (expired.length > 0) {
    const names = expired.map(({ entry }) => entry).join(', ');
    return {
      name,
      result: 'problem',
      detail: `${names}: every CA in the caBundle has expired; look at tagpin's logs`,
    };
  }
  const last = cas.map((entry) => Math.max(...entry.cas.map((ca) => expiryOf(ca).getTime())));
  const until = day(new Date(Math.min(...last)));
  return { name, result: 'ok', detail: `every entry has a CA, good until ${until}` };
}

const casOf = ({ clientConfig }: WebhookConfiguration['webhooks'][number]) =>
  certificatesIn(Buffer.from(clientConfig.caBundle, 'base64').toString('utf8'));

export interface CertificateSecret {
  secret: string;
  exists: boolean;
  /** The DNS name in the API server's calls. */
  serverName: string;
  /** Undefined if there is no certificate to serve. */
  pair: KeyPair | undefined;
  /** Whether the certificate isn't tagpin's own, but cert-manager's for example. */
  isOthers: boolean;
}

/** Whether the API server trusts the certificate that the webhook serves. */
export function certificateCheck(
  asked: Asked<CertificateSecret>,
  { webhooks }: WebhookConfiguration,
  now: number,
): Check {
  return checkOf('certificate', asked, ({ secret, exists, serverName, pair, isOthers }) => {
    if (pair === undefined) {
      return isOthers
        ? {
            result: 'note',
            detail: "not tagpin's own, so there is no Secret to check; the call shows whether it is trusted",
          }
        : {
            result: 'problem',
            detail: exists
              ? `Secret ${secret} is empty; tagpin fills it in when it runs: look at its pods and their logs`
              : `there is no Secret ${secret}; apply tagpin's manifests again`,
          };
    }
    const fault = faultOf(pair, serverName, now);
    if (fault !== undefined) return { result: 'problem', detail: `that of Secret ${secret}: ${fault}` };
    const distrusting = webhooks.filter((entry) => !isSignedByOneOf(pair.cert, casOf(entry), now));
    if (distrusting.length > 0) {
      return {
        result: 'problem',
        detail:
          `the caBundle of ${distrusting.map(({ name }) => name).join(', ')} doesn't trust that of Secret ${secret}: ` +
          "calls fail; look at tagpin's logs, and for what else writes the configuration",
      };
    }
    const expiry = day(expiryOf(pair.cert));
    const due = renewalTime(pair.cert, 0);
    if (now > due + DAY_MS) {
      return {
        result: 'problem',
        detail: `it expires on ${expiry} and should have been renewed on ${day(new Date(due))}; look at tagpin's logs`,
      };
    }
    return { result: 'ok', detail: `every caBundle trusts it, and it is good until ${expiry}` };
  });
}
