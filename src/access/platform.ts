import type { Credential } from '../credentials/credential.ts';
import type { Digest } from '../image/digest.ts';
import type { Reference } from '../image/reference.ts';
import type { RegistryClient } from '../registry/client.ts';
import { manifestsOf } from '../registry/manifest.ts';
import { inspect } from './image-details.ts';

/** Thrown for an image that isn't for the platform that was asked for. The message says which it is for. */
export class NoSuchPlatform extends Error {
  override readonly name = 'NoSuchPlatform';
}

/**
 * The digest of an image's manifest for one platform: one that its index names, or its own if it is for that platform alone.
 *
 * @param platform as `linux/arm64`, or with its variant
 * @throws NoSuchPlatform, or RegistryError for manifests that can't be read
 */
export async function digestForPlatform(
  client: Pick<RegistryClient, 'content'>,
  reference: Reference,
  digest: Digest,
  platform: string,
  credential: Credential | undefined,
  signal: AbortSignal,
): Promise<Digest> {
  const isWanted = (found: string) => found === platform || found.startsWith(`${platform}/`);
  const manifest = { kind: 'manifest', digest } as const;
  const { bytes } = await client.content(reference, manifest, credential, signal);
  const manifests = manifestsOf(bytes);
  const chosen = manifests.find((one) => isWanted(one.platform));
  if (chosen !== undefined) return chosen.digest;
  const { platforms } = await inspect(client, reference, digest, credential, signal);
  if (manifests.length === 0 && platforms.some(isWanted)) return digest;
  const known = platforms.length === 0 ? 'it names no platform' : `it is for ${platforms.join(', ')}`;
  throw new NoSuchPlatform(`the image isn't for ${platform}: ${known}`);
}
