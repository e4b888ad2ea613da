import { z } from 'zod';
import { Files } from './files.ts';
import { readKeyPair } from './pem.ts';

const path = (of: string) => {
  const remedy = `write the path of the ${of}, a file in PEM`;
  return z.string(remedy).min(1, remedy);
};

/** Paths of a certificate and its key, which must be readable from the start. */
export const certificateFiles = z
  .strictObject({
    certFile: path('certificate').describe('The certificate, with any intermediate certificates.'),
    keyFile: path('key').describe('Its private key. Both files are read again every 10 seconds.'),
  })
  .superRefine(({ certFile, keyFile }, context) => {
    const pair = readKeyPair(certFile, keyFile, new Files());
    if ('value' in pair) return;
    for (const { of, problem } of pair.problems) {
      context.addIssue({ code: 'custom', path: [`${of}File`], message: problem });
    }
  });
export type CertificateFiles = z.infer<typeof certificateFiles>;
