import type { Credential } from '../credentials/credential.ts';
import type { Digest } from '../image/digest.ts';
import type { Reference } from '../image/reference.ts';
import type { RegistryClient } from '../registry/client.ts';
import { RegistryError } from '../registry/error.ts';
import { platformOfConfig, platformsOf } from '../registry/manifest.ts';

/** What a person wants to know about an image besides its digest. */
export interface Inspection {
  mediaType: string;
  /** Bytes of the manifest. */
  size: number;
  /** `linux/arm64/v8` and the like; empty if it isn't an image, or doesn't say. */
  platforms: string[];
}

/**
 * Reads the manifest of a digest and, for a single image, its config: a request each.
 *
 * @throws RegistryError when the manifest can't be read
 */
export async function inspect(
  client: Pick<RegistryClient, 'content'>,
  reference: Reference,
  digest: Digest,
  credential: Credential | undefined,
  signal: AbortSignal,
): Promise<Inspection> {
  const manifest = { kind: 'manifest', digest } as const;
  const { mediaType, bytes } = await client.content(reference, manifest, credential, signal);
  const found = platformsOf(bytes);
  if ('platforms' in found) return { mediaType, size: bytes.length, ...found };
  const config = { kind: 'blob', digest: found.config } as const;
  const platforms = await client.content(reference, config, credential, signal).then(
    (content) => platformOfConfig(content.bytes),
    (error: unknown) => {
      // The platform is optional: without the config, the rest is still true.
      if (error instanceof RegistryError) return [];
      throw error;
    },
  );
  return { mediaType, size: bytes.length, platforms };
}
