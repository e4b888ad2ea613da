import type { Image } from '../../test/support/registry/image.ts';

/** A registry over plain HTTP, with the authorization for this push. */
export interface PushTarget {
  readonly host: string;
  /** The Authorization header of every request; none if not given. */
  readonly authorization?: string;
}

/** Pushes an image byte for byte, with everything it refers to, through the distribution API. */
export async function push(
  to: PushTarget,
  repository: string,
  reference: string,
  image: Image,
): Promise<void> {
  for (const child of image.children) await push(to, repository, child.digest, child);
  for (const blob of image.blobs) await pushBlob(to, repository, blob);
  await send(to, 'PUT', `/v2/${repository}/manifests/${reference}`, image.bytes, image.mediaType);
}

async function pushBlob(to: PushTarget, repository: string, blob: Buffer): Promise<void> {
  const started = await send(to, 'POST', `/v2/${repository}/blobs/uploads/`);
  const upload = new URL(started.headers.get('location') ?? '', `http://${to.host}`);
  upload.searchParams.set('digest', await digestOf(blob));
  await send(to, 'PUT', upload.pathname + upload.search, blob, 'application/octet-stream');
}

async function digestOf(bytes: Buffer): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', new Uint8Array(bytes));
  return `sha256:${Buffer.from(hash).toString('hex')}`;
}

async function send(
  { host, authorization }: PushTarget,
  method: string,
  path: string,
  body?: Buffer,
  contentType?: string,
): Promise<Response> {
  const response = await fetch(new URL(path, `http://${host}`), {
    method,
    body: body === undefined ? null : new Uint8Array(body),
    headers: {
      ...(contentType && { 'content-type': contentType }),
      ...(authorization && { authorization }),
    },
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response;
}
