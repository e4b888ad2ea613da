import { z } from 'zod';
import { Files } from './files.ts';
import { readKeyPair } from './pem.ts';

const path = (of: string) => z.string(`write the path of the ${of}`).min(1);

/** Paths of a certificate and its key, which must be readable from the start. */
export const certificateFiles = z
  .strictObject({ certFile: path('certificate'), keyFile: path('key') })
  .superRefine(({ certFile, keyFile }, context) => {
    const pair = readKeyPair(certFile, keyFile, new Files());
    if ('problem' in pair) context.addIssue({ code: 'custom', path: ['certFile'], message: pair.problem });
  });
export type CertificateFiles = z.infer<typeof certificateFiles>;
