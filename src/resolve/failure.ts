import { type Credential, CredentialError } from '../credentials/credential.ts';
import { excerpt } from '../image/excerpt.ts';
import { InvalidReference } from '../image/reference.ts';
import { KubernetesError } from '../kubernetes/error.ts';
import { remedyFor } from '../kubernetes/remedy.ts';
import { RegistryError, type RegistryFailure } from '../registry/error.ts';
import { UnreadableRevision } from '../revision/unreadable.ts';
import { NotAsked } from './not-asked.ts';

/** Failures that aren't a registry's. */
const otherLabels = [
  'invalid_reference',
  'credentials',
  'kubernetes',
  'kubernetes_forbidden',
  'internal',
] as const;
export type FailureLabel = RegistryFailure | (typeof otherLabels)[number];

/** What a failure means to whoever wrote the image: why, and what to do. */
export interface Failure {
  /** A short stable name, for metrics. */
  label: FailureLabel;
  cause: string;
  /** Empty when the cause says it already. */
  remedy: string;
}

/** What was at hand when it failed: the credentials that were tried, and what was wrong with others. */
export interface Circumstances {
  credentials: readonly Credential[];
  /** Names of pull secrets that don't exist. */
  missingSecrets: readonly string[];
  /** Pull secrets that can't be read as what they are. */
  brokenSecrets: readonly string[];
  /** Those that aren't of a type for pulling. */
  secretsOfOtherTypes: readonly { name: string; type: string }[];
  /** What should have given credentials and didn't. */
  sourceFailures: readonly CredentialError[];
  /** What to do where there is no credential; adding a pull secret, if it isn't said. */
  remedyWithout?: string | undefined;
}

const nothing: Circumstances = {
  credentials: [],
  missingSecrets: [],
  brokenSecrets: [],
  secretsOfOtherTypes: [],
  sourceFailures: [],
};

/** The failure in a sentence. */
export function sentence({ cause, remedy }: Failure): string {
  return remedy === '' ? cause : `${cause}; ${remedy}`;
}

/** The one place that decides what a failure to pin an image means. */
export function explain(error: unknown, circumstances: Circumstances = nothing): Failure {
  if (error instanceof InvalidReference) {
    return { label: 'invalid_reference', cause: error.message, remedy: '' };
  }
  if (error instanceof RegistryError) {
    const causes = [
      `${said[error.failure]}${evidence(error)}`,
      ...circumstances.sourceFailures.map(({ message }) => message),
    ];
    return { label: error.failure, cause: causes.join('; '), remedy: remedy(error, circumstances) };
  }
  if (error instanceof CredentialError) {
    return { label: 'credentials', cause: error.message, remedy: error.remedy };
  }
  if (error instanceof UnreadableRevision) return unread('its revision', error.cause);
  if (error instanceof KubernetesError) return unread('its pull secrets', error);
  if (error instanceof DOMException && error.name === 'TimeoutError') {
    return { label: 'timeout', cause: said.timeout, remedy: remedies.timeout };
  }
  return { label: 'internal', cause: 'tagpin failed', remedy: "look at tagpin's log" };
}

/** The webhook's remedy; whoever is at the command line has another. */
function unread(what: string, error: KubernetesError): Failure {
  return {
    label: error.status === 403 ? 'kubernetes_forbidden' : 'kubernetes',
    cause: `${what} can't be read: ${error.message}`,
    remedy: remedyFor(error, 'webhook'),
  };
}

const said: Record<RegistryFailure, string> = {
  not_found: 'not found',
  unauthorized: 'access refused',
  denied: 'access denied',
  rate_limited: "the registry's rate limit is reached",
  busy: 'too many requests are waiting for this registry',
  unavailable: 'the registry is in trouble',
  timeout: "the registry didn't answer in time",
  network: "the registry can't be reached",
  untrusted: "the registry isn't trusted",
  forbidden_address: "the registry leads to where tagpin won't go",
  invalid_host: 'no such registry can exist',
  redirect: "the registry redirects where tagpin won't follow",
  missing_realm: 'the registry asks for a token, but not from where',
  invalid_realm: "the registry's token server isn't acceptable",
  no_token: 'the token server grants no token',
  invalid_token: "the token server's token is unusable",
  bad_body: 'the answer makes no sense',
  too_large: 'the answer is too large',
  not_a_manifest: 'the answer is no image',
  unsupported_media_type: "the image's format is too old",
  media_type_mismatch: 'the registry contradicts itself',
  digest_mismatch: 'the registry contradicts itself',
  status: 'the registry refuses',
};

/** All labels that a failure may have. */
export const failureLabels: readonly string[] = [...Object.keys(said), ...otherLabels];

const checkRegistry = 'correct the image, or ask who runs the registry';

const remedies: Record<RegistryFailure, string> = {
  not_found: 'push the tag or correct the image',
  unauthorized: 'correct the image or its pull secret',
  denied: "let the pull secret's user pull from this repository, or correct the image",
  rate_limited: 'try again later, or add a pull secret with a higher limit',
  busy: 'try again; if it stays, raise limits.concurrency, or look at why the registry is slow',
  unavailable: 'try again when the registry is well',
  timeout: 'try again; if it stays, look at the registry and the network between',
  network: "correct the registry's name, or look at the network between",
  untrusted: "add the registry's CA to the configuration (registries.<host>.caFile)",
  forbidden_address: checkRegistry,
  invalid_host: 'correct the image',
  redirect: checkRegistry,
  missing_realm: checkRegistry,
  invalid_realm: checkRegistry,
  no_token: checkRegistry,
  invalid_token: checkRegistry,
  bad_body: checkRegistry,
  too_large: checkRegistry,
  not_a_manifest: checkRegistry,
  unsupported_media_type: 'build and push the image with a current tool',
  media_type_mismatch: checkRegistry,
  digest_mismatch: checkRegistry,
  status: checkRegistry,
};

/** Failures whose own words add something to what is said of them. */
const telling = new Set<RegistryFailure>([
  'network',
  'untrusted',
  'redirect',
  'forbidden_address',
  'bad_body',
]);

function evidence(error: RegistryError): string {
  const answer = [error.status, ...error.codes].filter((part) => part !== undefined).join(' ');
  const words = [answer, telling.has(error.failure) ? error.message : '']
    .filter((part) => part !== '')
    .join(': ');
  const parts = [words, error instanceof NotAsked ? error.why : ''].filter((part) => part !== '');
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}

/** A time as people say it. */
export function inWords(seconds: number): string {
  if (seconds < 120) return `${Math.ceil(seconds)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

/** A refusal is about credentials, and which ones were at hand says what to mend. */
function remedy(error: RegistryError, circumstances: Circumstances): string {
  if (error.failure === 'rate_limited' && error.retryAfter !== undefined) {
    return `try again in ${inWords(error.retryAfter)}, or add a pull secret with a higher limit`;
  }
  if (error.failure !== 'unauthorized' && error.failure !== 'denied') return remedies[error.failure];
  const { credentials, missingSecrets, brokenSecrets, secretsOfOtherTypes } = circumstances;
  const { sourceFailures, remedyWithout } = circumstances;
  // A source fails only for a registry that is its own; a secret may be for any.
  if (sourceFailures[0] !== undefined) return sourceFailures[0].remedy;
  const quoted = (names: readonly string[]) => names.map((name) => `"${name}"`).join(', ');
  if (missingSecrets.length > 0) {
    return `pull secret ${quoted(missingSecrets)} doesn't exist; create it or correct imagePullSecrets`;
  }
  if (brokenSecrets.length > 0) return `pull secret ${quoted(brokenSecrets)} can't be read; create it anew`;
  if (credentials.length === 0 && secretsOfOtherTypes.length > 0) {
    const told = secretsOfOtherTypes.map(({ name, type }) => `"${name}" has type "${excerpt(type)}"`);
    return `pull secret ${told.join(', ')}, which the kubelet passes over; create it as kubernetes.io/dockerconfigjson`;
  }
  if (credentials.length === 0) {
    return remedyWithout ?? 'no pull secret matches this registry; add one, or correct the image';
  }
  const sources = [...new Set(credentials.map(({ source }) => source))].join(', ');
  return error.failure === 'denied'
    ? `let the user of ${sources} pull from this repository, or correct the image`
    : `correct the credentials in ${sources}, or the image`;
}
