import { type KubernetesError, remedyFor as remedyOf } from '../kubernetes/error.ts';

/** What whoever is at the command line can do about an API server that doesn't do what it was asked for. */
export const remedyFor = (error: KubernetesError): string => remedyOf(error, 'person');
