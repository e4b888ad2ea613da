import type { Recorded } from './record.ts';

export interface Leak {
  readonly secret: string;
  readonly by: string;
  /** The secret as it stands there, with some of what is around it. */
  readonly excerpt: string;
}

const AROUND = 60;
/** Forms are found by their first characters, so that each text is gone through once, however many secrets there are. */
const START = 6;

/** Where what has been said holds a secret: plain, or in base64, alone or within something longer, or as URLs and JSON write it. */
export function findLeaks({ secrets, said }: Recorded): Leak[] {
  const byStart = new Map<string, { form: string; secret: string }[]>();
  for (const secret of secrets) {
    for (const form of new Set(formsOf(secret))) {
      const start = form.slice(0, START);
      byStart.set(start, [...(byStart.get(start) ?? []), { form, secret }]);
    }
  }
  return said.flatMap(({ by, text }) => {
    const leaks: Leak[] = [];
    for (let at = 0; at + START <= text.length; at++) {
      for (const { form, secret } of byStart.get(text.slice(at, at + START)) ?? []) {
        if (!text.startsWith(form, at)) continue;
        leaks.push({ secret, by, excerpt: text.slice(Math.max(0, at - AROUND), at + form.length + AROUND) });
      }
    }
    return leaks;
  });
}

function formsOf(secret: string): string[] {
  const inBase64 = [0, 1, 2].map((offset) => withinBase64(secret, offset));
  return [
    secret,
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret),
    ...inBase64,
    ...inBase64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
  ];
}

/**
 * What is surely in the base64 of any text that has the secret `offset` bytes after a multiple of three: a user's
 * password in Basic authentication, a docker config in a Secret. Characters that depend on what is around are left out.
 */
function withinBase64(secret: string, offset: number): string {
  const bytes = Buffer.from(' '.repeat(offset) + secret);
  const whole = bytes.toString('base64').replace(/=+$/, '');
  const first = Math.ceil((offset * 8) / 6);
  const last = Math.floor((bytes.length * 8) / 6);
  return whole.slice(first, last);
}
