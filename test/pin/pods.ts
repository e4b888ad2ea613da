import { type Pod, podSchema } from '../../src/pin/pod.ts';

export const digest = (character: string) => `sha256:${character.repeat(64)}`;
export const DIGEST_A = digest('a');
export const DIGEST_B = digest('b');

/** A pod of the given spec and metadata, as the webhook reads it. */
export function pod(spec: object, metadata: object = {}): Pod {
  return podSchema.parse({ metadata: { name: 'web', ...metadata }, spec });
}

/** A pod of one container `web`. */
export function webPod(image: string, { policy = 'IfNotPresent', annotations = {} } = {}): Pod {
  return pod({ containers: [{ name: 'web', image, imagePullPolicy: policy }] }, { annotations });
}
