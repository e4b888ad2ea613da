import type { PodSpec } from './pod.ts';
import { podSpecPointers } from './pod-template.ts';

/** A field of a pod that names an image. */
export interface ImageField {
  /** The kind of the field; messages put it before the name. */
  place: 'init container' | 'container' | 'ephemeral container' | 'image volume';
  /** The container's or volume's name. */
  name: string;
  /** The image as written; empty if there is none. */
  image: string;
  pullPolicy: string | undefined;
  /** JSON pointers (RFC 6901) of the image and of its pull policy. */
  pointer: string;
  policyPointer: string;
}

/** A container or volume with an image. */
interface ImageHolder {
  name: string;
  image: string | null | undefined;
  pullPolicy: string | null | undefined;
}

const containers = (list: 'initContainers' | 'containers' | 'ephemeralContainers') => ({
  list,
  image: '/image',
  policy: '/imagePullPolicy',
  holders: (spec: PodSpec): ImageHolder[] =>
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
  /** A volume of another kind has no image, and is undefined here. */
  holders: (spec: PodSpec): (ImageHolder | undefined)[] =>
    (spec.volumes ?? []).map(({ name, image }) =>
      image ? { name, image: image.reference, pullPolicy: image.pullPolicy } : undefined,
    ),
};

/** The lists in a pod spec that hold images (kubernetes/api core/v1/types.go). */
const places = [
  { place: 'image volume', ...imageVolumes },
  { place: 'init container', ...containers('initContainers') },
  { place: 'container', ...containers('containers') },
  { place: 'ephemeral container', ...containers('ephemeralContainers') },
] as const;

/** How many images a pod spec has, at less cost than {@link walk}. */
export function countImages(spec: PodSpec): number {
  const { initContainers, containers: main, ephemeralContainers, volumes } = spec;
  const inContainers =
    (initContainers?.length ?? 0) + (main?.length ?? 0) + (ephemeralContainers?.length ?? 0);
  return inContainers + (volumes ?? []).filter(({ image }) => image).length;
}

/**
 * Every image of a pod spec.
 *
 * @param base the JSON pointer of the pod spec in its object
 */
export function walk(spec: PodSpec, base: string = podSpecPointers.Pod): ImageField[] {
  return places.flatMap(({ place, list, image, policy, holders }) =>
    holders(spec).flatMap((holder, index): ImageField[] => {
      if (holder === undefined) return [];
      const at = `${base}/${list}/${index}`;
      return [
        {
          place,
          name: holder.name,
          image: holder.image ?? '',
          pullPolicy: holder.pullPolicy ?? undefined,
          pointer: at + image,
          policyPointer: at + policy,
        },
      ];
    }),
  );
}
