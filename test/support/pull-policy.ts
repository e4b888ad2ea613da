import { InvalidReference, parseReference, tagOrLatest } from '../../src/image/reference.ts';

/**
 * The default imagePullPolicy of a container, by SetDefaults_Container: Always for the tag `latest`, written or implied,
 * even beside a digest; otherwise IfNotPresent, also for an invalid reference.
 */
export function defaultPullPolicy(image: string): 'Always' | 'IfNotPresent' {
  try {
    return tagOrLatest(parseReference(image)) === 'latest' ? 'Always' : 'IfNotPresent';
  } catch (error) {
    if (error instanceof InvalidReference) return 'IfNotPresent';
    throw error;
  }
}
