import type { Recorded } from './record.ts';

export interface Leak {
  readonly secret: string;
  readonly by: string;
  /** The secret as found, with some of the text around it. */
  readonly excerpt: string;
}

const AROUND = 60;
/** Encoded secrets are indexed by this many first characters, so that each text is searched once, whatever their number. */
const START = 6;

/** Finds secrets in the output: plain, in base64 (alone or within a longer text), or as escaped in URLs and JSON. */
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
 * The part of a text's base64 that the secret alone determines, if it starts `offset` bytes after a multiple of three: a
 * password in Basic authentication, a docker config in a Secret. It leaves out characters that depend on the text around.
 */
function withinBase64(secret: string, offset: number): string {
  const bytes = Buffer.from(' '.repeat(offset) + secret);
  const whole = bytes.toString('base64').replace(/=+$/, '');
  const first = Math.ceil((offset * 8) / 6);
  const last = Math.floor((bytes.length * 8) / 6);
  return whole.slice(first, last);
}
