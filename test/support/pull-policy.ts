import { InvalidReference, parseReference, tagOrLatest } from '../../src/image/reference.ts';

/**
 * The imagePullPolicy that the API server gives a container that has none, by SetDefaults_Container: Always for the
 * tag `latest`, written or implied, even beside a digest; else IfNotPresent, for what isn't a reference too.
 */
export function defaultPullPolicy(image: string): 'Always' | 'IfNotPresent' {
  try {
    return tagOrLatest(parseReference(image)) === 'latest' ? 'Always' : 'IfNotPresent';
  } catch (error) {
    if (error instanceof InvalidReference) return 'IfNotPresent';
    throw error;
  }
}
