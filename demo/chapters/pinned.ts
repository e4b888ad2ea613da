import { isDeepStrictEqual } from 'node:util';
import { IMAGES } from '../../src/pin/annotations.ts';
import { imageOf, podOf, yamlOf } from '../pods.ts';
import { type Stage, seen } from './stage.ts';

/** A tag becomes a digest. */
export async function aPodIsPinned({ registries: { open }, admissions, report }: Stage) {
  report.chapter('1. A pod is created in a namespace with the label tagpin.dev/pin=enforce');
  const image = `${open.host}/web:1.2`;
  const written = podOf(image);
  const first = await admissions.admit(written, { namespace: 'shop' });
  // at once, while the digest is cached
  const replica = await admissions.admit(written, { namespace: 'shop' });

  report.sideBySide(
    { title: 'as written', lines: yamlOf(written) },
    { title: 'as admitted', lines: yamlOf(first.pod) },
  );
  const pinned = `${open.host}/web@${open.digest('web', '1.2')}`;
  const annotations = { [IMAGES]: JSON.stringify({ web: image }) };
  const container = { name: 'web', image: imageOf(first.pod), imagePullPolicy: 'IfNotPresent' };
  const expected = {
    ...written,
    metadata: { ...written.metadata, annotations },
    spec: { containers: [container] },
  };
  report.claim('the digest is the one that the registry has for the tag', imageOf(first.pod) === pinned);
  report.claim(
    'the annotation records the image as written',
    isDeepStrictEqual(first.pod.metadata.annotations, annotations),
  );
  report.claim('nothing else changes, except the pull policy', isDeepStrictEqual(first.pod, expected));
  report.claim('a second replica gets the same build', imageOf(replica.pod) === pinned, seen(replica));
  return { first, replica };
}
