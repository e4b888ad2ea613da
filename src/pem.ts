import { X509Certificate } from 'node:crypto';

/** A certificate in PEM. */
export const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** The certificates in a text; blocks that aren't valid are left out. */
export function certificatesIn(text: string): string[] {
  return (text.match(CERTIFICATE) ?? []).filter((block) => {
    try {
      return new X509Certificate(block).raw.length > 0;
    } catch {
      return false;
    }
  });
}
