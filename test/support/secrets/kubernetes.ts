import { z } from 'zod';
import { keepSecret, SHORTEST } from './record.ts';

const secret = z.looseObject({ data: z.record(z.string(), z.string()).nullish() });
const dockerConfig = z.object({
  auths: z.record(z.string(), z.looseObject({ password: z.string().optional() })),
});

/** Records the secrets in a Secret: private keys, and the passwords of a docker config. */
export function keepKubernetesSecret(object: unknown): void {
  const values = Object.values(secret.safeParse(object).data?.data ?? {});
  for (const text of values.map((value) => Buffer.from(value, 'base64').toString())) {
    // One line of the key, because a message would hardly contain all of it.
    const [, line] = /PRIVATE KEY-----\n(.{20,})\n/.exec(text) ?? [];
    if (line !== undefined) keepSecret(line);
    for (const { password = '' } of Object.values(passwordsOf(text))) {
      // The vectors' keyrings have single letters as passwords.
      if (password.length >= SHORTEST) keepSecret(password);
    }
  }
}

function passwordsOf(text: string) {
  try {
    return dockerConfig.parse(JSON.parse(text)).auths;
  } catch {
    return {};
  }
}
