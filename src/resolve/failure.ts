import { CredentialError } from '../credentials/credential.ts';
import type { ImageCredentials } from '../credentials/pod-credentials.ts';
import { TooManyPullSecrets } from '../credentials/pull-secrets.ts';
import { excerpt } from '../image/excerpt.ts';
import { InvalidReference } from '../image/reference.ts';
import { KubernetesError, remedyFor } from '../kubernetes/error.ts';
import { RegistryError } from '../registry/error.ts';
import { failures, meaningOf, type RegistryFailure } from '../registry/failures.ts';
import { UnreadableRevision } from '../revision/pod-revision.ts';
import { codeOf } from '../system-error.ts';

/** Failures that aren't a registry's. */
const otherLabels = [
  'invalid_reference',
  'credentials',
  'kubernetes',
  'kubernetes_forbidden',
  'limit',
  'internal',
] as const;
export type FailureLabel = RegistryFailure | (typeof otherLabels)[number];

/** What a failure means to the author of the image: the cause, and the remedy. */
export interface Failure {
  /** A short stable name, for metrics. */
  label: FailureLabel;
  cause: string;
  /** Empty when the cause says it already. */
  remedy: string;
}

/** The context of a failure: the credentials that were tried, and the faults of others. */
export interface AtHand extends ImageCredentials {
  /** What to do where no credential matches; adding a pull secret unless it is given. */
  remedyWithout?: string | undefined;
}

const nothing: AtHand = { credentials: [], failures: [], secrets: undefined };

/** The failure as one sentence: the cause, then the remedy. */
export function sentence({ cause, remedy }: Failure): string {
  return remedy === '' ? cause : `${cause}; ${remedy}`;
}

/** What a failure to pin an image means: the one place that says so. `registry/failures.ts` has what a registry's failures mean. */
export function explain(error: unknown, atHand: AtHand = nothing): Failure {
  if (error instanceof InvalidReference) {
    return { label: 'invalid_reference', cause: error.message, remedy: '' };
  }
  if (error instanceof RegistryError) {
    const causes = [
      `${meaningOf(error.failure).message}${evidence(error)}`,
      ...atHand.failures.map(({ message }) => message),
    ];
    return { label: error.failure, cause: causes.join('; '), remedy: remedy(error, atHand) };
  }
  if (error instanceof CredentialError) {
    return { label: 'credentials', cause: error.message, remedy: error.remedy };
  }
  if (error instanceof TooManyPullSecrets) {
    return { label: 'limit', cause: error.message, remedy: 'remove some of them' };
  }
  if (error instanceof UnreadableRevision) return unread('its revision', error.cause);
  if (error instanceof KubernetesError) return unread('its pull secrets', error);
  if (error instanceof DOMException && error.name === 'TimeoutError') {
    return { label: 'timeout', cause: failures.timeout.message, remedy: failures.timeout.remedy };
  }
  return { label: 'internal', cause: 'tagpin failed', remedy: "look at tagpin's log" };
}

/** With the webhook's remedy; a person at the command line has another. */
function unread(what: string, error: KubernetesError): Failure {
  return {
    label: error.status === 403 ? 'kubernetes_forbidden' : 'kubernetes',
    cause: `${what} can't be read: ${error.message}`,
    remedy: remedyFor(error, 'webhook'),
  };
}

/** The codes of hosts that don't exist as seen from here; a registry that is down refuses connections. */
const unreached = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);

/** Whether a failure leaves open that nodes never need the host: another webhook may write one that exists into the pods. */
export function isUnreached({ label }: Failure, error: unknown): boolean {
  if (label === 'timeout' || label === 'forbidden_address') return true;
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if (unreached.has(codeOf(cause) ?? '')) return true;
  return false;
}

/** All labels that a failure may have. */
export const failureLabels: readonly string[] = [...Object.keys(failures), ...otherLabels];

function evidence(error: RegistryError): string {
  const answer = [error.status, ...error.codes].filter((part) => part !== undefined).join(' ');
  const words = [answer, meaningOf(error.failure).showsDetails ? error.message : '']
    .filter((part) => part !== '')
    .join(': ');
  const parts = [words, error.unsent?.note ?? ''].filter((part) => part !== '');
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}

/** When to try again, in steps so coarse that refusals stay the same and Kubernetes aggregates their events. */
function soon(seconds: number): string {
  if (seconds <= 60) return 'in a minute';
  if (seconds <= 600) return 'in ten minutes';
  return seconds <= 3600 ? 'in an hour' : 'in some hours';
}

/** A duration in words. */
export function inWords(seconds: number): string {
  if (seconds < 120) return `${Math.ceil(seconds)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

/** A refusal is about credentials, and those at hand tell what to correct. */
function remedy(error: RegistryError, { credentials, failures, secrets, remedyWithout }: AtHand): string {
  if (error.failure === 'rate_limited' && error.retryAfter !== undefined) {
    return `try again ${soon(error.retryAfter)}, or add a pull secret with a higher limit`;
  }
  const meaning = meaningOf(error.failure);
  if (meaning.about !== 'credential') return meaning.remedy;
  if (error.isUnchallenged) return UNCHALLENGED;
  // A source fails only for a registry of its own, whereas a secret may be for any.
  if (failures[0] !== undefined) return failures[0].remedy;
  const { missing = [], keyring } = secrets ?? {};
  const { broken = [], ofOtherTypes = [] } = keyring ?? {};
  if (missing.length > 0) {
    return `pull secret ${quoted(missing)} doesn't exist; create it or correct imagePullSecrets`;
  }
  if (broken.length > 0) {
    return `pull secret ${quoted(broken.map(({ secret }) => secret.name))} can't be read; create it anew`;
  }
  if (credentials.length === 0 && ofOtherTypes.length > 0) {
    const types = ofOtherTypes.map(({ name, type }) => `"${name}" has type "${excerpt(type)}"`);
    return `pull secret ${types.join(', ')}, which the kubelet passes over; create it as kubernetes.io/dockerconfigjson`;
  }
  if (credentials.length === 0) {
    return remedyWithout ?? 'no pull secret matches this registry; add one, or correct the image';
  }
  const sources = [...new Set(credentials.map(({ source }) => source))].join(', ');
  return error.failure === 'denied'
    ? `let the user of ${sources} pull from this repository, or correct the image`
    : `correct the credentials in ${sources}, or the image`;
}

const UNCHALLENGED =
  "the registry doesn't say how to log in (401 without WWW-Authenticate), so no credential was sent: look at it, or at what is in front of it";

const quoted = (names: readonly string[]) => names.map((name) => `"${name}"`).join(', ');
