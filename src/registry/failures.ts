/** What a kind of failure means. Each question that the code asks about a failure is a column. */
interface FailureMeaning {
  /** What is at fault: the image, the credential, the registry's host, or its response. */
  readonly about: 'image' | 'credential' | 'host' | 'response';
  /** Its text in messages. */
  readonly message: string;
  /** The remedy, unless the circumstances suggest a better one. */
  readonly remedy: string;
  /** Messages show the error's own text too. */
  readonly showsDetails: boolean;
  /** The failure is cached for the same image and credentials. */
  readonly cached: boolean;
  /** The same request may succeed a moment later. */
  readonly retried: boolean;
  /** The registry may be down, which counts for the circuit breaker. */
  readonly down: boolean;
  /** A stale digest may be used instead, because the registry hasn't answered. */
  readonly staleAllowed: boolean;
  /** The next credential is tried, as the kubelet does. */
  readonly nextCredential: boolean;
  /** A token server that fails like this has refused, so another request at once is pointless. */
  readonly refusesToken: boolean;
}

const checkRegistry = 'correct the image, or ask who runs the registry';

/** The columns of a response that isn't valid for a registry. */
const badResponse = {
  about: 'response',
  remedy: checkRegistry,
  showsDetails: false,
  cached: false,
  retried: false,
  down: false,
  staleAllowed: false,
  nextCredential: true,
  refusesToken: false,
} as const;

/** A row for each kind of failure between tagpin and a registry. Its name is the label in metrics and logs. */
export const failures = {
  /** The tag or the repository doesn't exist. */
  not_found: {
    about: 'image',
    message: 'not found',
    remedy: 'push the tag or correct the image',
    showsDetails: false,
    cached: true,
    retried: false,
    down: false,
    staleAllowed: false,
    nextCredential: true,
    refusesToken: false,
  },
  /** The registry rejected the credential, or requires one. */
  unauthorized: {
    about: 'credential',
    message: 'access refused',
    remedy: 'correct the image or its pull secret',
    showsDetails: false,
    cached: true,
    retried: false,
    down: false,
    staleAllowed: false,
    nextCredential: true,
    refusesToken: true,
  },
  /** The registry accepted the credential, but not for this repository. */
  denied: {
    about: 'credential',
    message: 'access denied',
    remedy: "let the pull secret's user pull from this repository, or correct the image",
    showsDetails: false,
    cached: true,
    retried: false,
    down: false,
    staleAllowed: false,
    nextCredential: true,
    refusesToken: true,
  },
  rate_limited: {
    about: 'host',
    message: "the registry's rate limit is reached",
    remedy: 'try again later, or add a pull secret with a higher limit',
    showsDetails: false,
    cached: false,
    retried: true,
    down: false,
    staleAllowed: true,
    nextCredential: true,
    refusesToken: true,
  },
  /** Nothing was sent, because too many requests are waiting for the registry already. */
  busy: {
    about: 'host',
    message: 'too many requests are waiting for this registry',
    remedy: 'try again; if it persists, raise limits.concurrency, or look at why the registry is slow',
    showsDetails: false,
    cached: false,
    retried: false,
    down: false,
    staleAllowed: true,
    nextCredential: false,
    refusesToken: false,
  },
  /** The registry reports an error of its own. */
  unavailable: {
    about: 'host',
    message: 'the registry is in trouble',
    remedy: 'try again later',
    showsDetails: false,
    cached: false,
    retried: true,
    down: true,
    staleAllowed: true,
    nextCredential: true,
    refusesToken: true,
  },
  /** Not retried, because the request has used its time. */
  timeout: {
    about: 'host',
    message: "the registry didn't answer in time",
    remedy: 'try again; if it persists, look at the registry and the network between',
    showsDetails: false,
    cached: false,
    retried: false,
    down: true,
    staleAllowed: true,
    nextCredential: false,
    refusesToken: true,
  },
  /** The connection failed or broke. */
  network: {
    about: 'host',
    message: "the registry can't be reached",
    remedy: "correct the registry's name, or look at the network between",
    showsDetails: true,
    cached: false,
    retried: true,
    down: true,
    staleAllowed: true,
    nextCredential: false,
    refusesToken: false,
  },
  /** Its certificate isn't trusted. */
  untrusted: {
    about: 'host',
    message: "the registry isn't trusted",
    remedy: "add the registry's CA to the configuration (registries.<host>.caFile)",
    showsDetails: true,
    cached: false,
    retried: false,
    down: false,
    staleAllowed: false,
    nextCredential: false,
    refusesToken: false,
  },
  /** tagpin sends no requests to the address. */
  forbidden_address: {
    about: 'host',
    message: "the registry's address isn't allowed",
    remedy: checkRegistry,
    showsDetails: true,
    cached: false,
    retried: false,
    down: false,
    staleAllowed: false,
    nextCredential: true,
    refusesToken: false,
  },
  invalid_host: {
    about: 'host',
    message: 'invalid registry host',
    remedy: 'correct the image',
    showsDetails: false,
    cached: false,
    retried: false,
    down: false,
    staleAllowed: false,
    nextCredential: false,
    refusesToken: false,
  },
  redirect: {
    ...badResponse,
    message: "the registry's redirect isn't allowed",
    showsDetails: true,
  },
  missing_realm: { ...badResponse, message: "the registry's challenge names no token server" },
  invalid_realm: { ...badResponse, message: "the registry's token server isn't allowed" },
  no_token: { ...badResponse, message: 'the token server grants no token' },
  invalid_token: { ...badResponse, message: "the token server's token is unusable" },
  bad_body: { ...badResponse, message: 'the response is invalid', showsDetails: true },
  too_large: { ...badResponse, message: 'the response is too large' },
  not_a_manifest: { ...badResponse, message: "the response isn't an image manifest" },
  unsupported_media_type: {
    ...badResponse,
    message: "the image's format is too old",
    remedy: 'build and push the image with a current tool',
  },
  media_type_mismatch: { ...badResponse, message: 'the registry contradicts itself' },
  digest_mismatch: { ...badResponse, message: 'the registry contradicts itself' },
  /** The response has an unexpected status. */
  status: { ...badResponse, message: 'unexpected response' },
} as const satisfies Record<string, FailureMeaning>;

/** The kinds of failure. */
export type RegistryFailure = keyof typeof failures;

/** What a kind of failure means. */
export const meaningOf = (failure: RegistryFailure): FailureMeaning => failures[failure];
