import { writeFile } from 'node:fs/promises';

export interface Access {
  readonly url: string;
  readonly caPem?: string | undefined;
  readonly token?: string | undefined;
}

/** Writes a kubeconfig for the server, as JSON, which is also YAML. Only its owner may read it. */
export async function writeKubeconfig(path: string, { url, caPem, token }: Access): Promise<void> {
  const certificate = caPem && Buffer.from(caPem).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'embedded', cluster: { server: url, 'certificate-authority-data': certificate } }],
    users: [{ name: 'tagpin', user: { token } }],
    contexts: [{ name: 'embedded', context: { cluster: 'embedded', user: 'tagpin' } }],
    'current-context': 'embedded',
  };
  await writeFile(path, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
}
