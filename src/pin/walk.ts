import type { PodSpec } from './pod.ts';
import { podSpecPointers } from './pod-template.ts';

/** One place in a pod that names an image. */
export interface ImageField {
  /** What messages call the place, before the name. */
  place: 'init container' | 'container' | 'ephemeral container' | 'image volume';
  /** The container's or volume's name. */
  name: string;
  /** The image as written; empty when there is none. */
  image: string;
  pullPolicy: string | undefined;
  /** JSON pointers (RFC 6901) of the image and of its pull policy. */
  pointer: string;
  policyPointer: string;
}

interface Entry {
  name: string;
  image: string | null | undefined;
  pullPolicy: string | null | undefined;
}

const containers = (list: 'initContainers' | 'containers' | 'ephemeralContainers') => ({
  list,
  image: '/image',
  policy: '/imagePullPolicy',
  entries: (spec: PodSpec): Entry[] =>
    (spec[list] ?? []).map(({ name, image, imagePullPolicy }) => ({
      name,
      image,
      pullPolicy: imagePullPolicy,
    })),
});

const imageVolumes = {
  list: 'volumes',
  image: '/image/reference',
  policy: '/image/pullPolicy',
  /** A volume of another kind has no image, and so no entry. */
  entries: (spec: PodSpec): (Entry | undefined)[] =>
    (spec.volumes ?? []).map(({ name, image }) =>
      image ? { name, image: image.reference, pullPolicy: image.pullPolicy } : undefined,
    ),
};

/** Where images live in a pod spec (kubernetes/api core/v1/types.go). */
const places = [
  { place: 'image volume', ...imageVolumes },
  { place: 'init container', ...containers('initContainers') },
  { place: 'container', ...containers('containers') },
  { place: 'ephemeral container', ...containers('ephemeralContainers') },
] as const;

/** Every image of a pod spec that stands at `base` in its object. */
export function walk(spec: PodSpec, base: string = podSpecPointers.Pod): ImageField[] {
  return places.flatMap(({ place, list, image, policy, entries }) =>
    entries(spec).flatMap((entry, index): ImageField[] => {
      if (entry === undefined) return [];
      const at = `${base}/${list}/${index}`;
      return [
        {
          place,
          name: entry.name,
          image: entry.image ?? '',
          pullPolicy: entry.pullPolicy ?? undefined,
          pointer: at + image,
          policyPointer: at + policy,
        },
      ];
    }),
  );
}
