import { stringify } from 'yaml';
import type { Pod, PodInput } from '../test/support/pod.ts';

/** A pod as a user writes it, with one container called `web`. */
export function podOf(image: string, ...imagePullSecrets: string[]): PodInput {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web' },
    spec: {
      containers: [{ name: 'web', image, imagePullPolicy: 'Always' }],
      ...(imagePullSecrets.length > 0 && { imagePullSecrets: imagePullSecrets.map((name) => ({ name })) }),
    },
  };
}

/** The image of the pod's container. */
export function imageOf(pod: PodInput | Pod): string {
  return pod.spec.containers?.[0]?.image ?? '';
}

/** An image without its registry, short enough for a line. */
export function shortImage(image: string): string {
  return shortened(image.slice(image.indexOf('/') + 1));
}

/** The pod as lines of YAML, digests shortened. */
export function yamlOf(pod: PodInput | Pod): string[] {
  return shortened(stringify(pod, { indentSeq: false, lineWidth: 0 }).trimEnd()).split('\n');
}

/** The text with each digest cut to its first twelve digits. */
export function shortened(text: string): string {
  return text.replace(/(sha256:[0-9a-f]{12})[0-9a-f]{52}/g, '$1…');
}
