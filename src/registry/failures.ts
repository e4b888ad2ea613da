/** What a kind of failure means: the one place that says so. Each question that the code asks of a failure is a column. */
interface FailureMeaning {
  /** What somebody has to change, or wait for: the image, the credential, the registry's host, or what it answers. */
  readonly about: 'image' | 'credential' | 'host' | 'answer';
  /** What messages say of it. */
  readonly says: string;
  /** What to do about it, unless what was at hand says more. */
  readonly remedy: string;
  /** The error's own words add something to that. */
  readonly showsWords: boolean;
  /** The registry has decided: the answer holds for a moment for the same image and credentials. */
  readonly cached: boolean;
  /** The same request may succeed a moment later. */
  readonly retried: boolean;
  /** The registry may be down: a sign for the circuit breaker. */
  readonly down: boolean;
  /** The registry's answer isn't known, so an older digest may stand in for it. */
  readonly staleAllowed: boolean;
  /** The next credential may succeed, so it is tried, as the kubelet does. */
  readonly nextCredential: boolean;
  /** From a token server, it is an answer: asking again at once is pointless. */
  readonly refusesToken: boolean;
}

const checkRegistry = 'correct the image, or ask who runs the registry';

/** The row of an answer that no registry gives: it stays the same for a while, whatever is tried. */
const badAnswer = {
  about: 'answer',
  remedy: checkRegistry,
  showsWords: false,
  cached: false,
  retried: false,
  down: false,
  staleAllowed: false,
  nextCredential: true,
  refusesToken: false,
} as const;

/** A row for each kind of failure between tagpin and a registry. Its name is the label in metrics and logs. */
export const failures = {
  /** The tag or the repository isn't there. */
  not_found: {
    about: 'image',
    says: 'not found',
    remedy: 'push the tag or correct the image',
    showsWords: false,
    cached: true,
    retried: false,
    down: false,
    staleAllowed: false,
    nextCredential: true,
    refusesToken: false,
  },
  /** The registry didn't accept the credential, or wants one. */
  unauthorized: {
    about: 'credential',
    says: 'access refused',
    remedy: 'correct the image or its pull secret',
    showsWords: false,
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
    says: 'access denied',
    remedy: "let the pull secret's user pull from this repository, or correct the image",
    showsWords: false,
    cached: true,
    retried: false,
    down: false,
    staleAllowed: false,
    nextCredential: true,
    refusesToken: true,
  },
  rate_limited: {
    about: 'host',
    says: "the registry's rate limit is reached",
    remedy: 'try again later, or add a pull secret with a higher limit',
    showsWords: false,
    cached: false,
    retried: true,
    down: false,
    staleAllowed: true,
    nextCredential: true,
    refusesToken: true,
  },
  /** Nothing was sent, because too many requests wait for the registry already. */
  busy: {
    about: 'host',
    says: 'too many requests are waiting for this registry',
    remedy: 'try again; if it stays, raise limits.concurrency, or look at why the registry is slow',
    showsWords: false,
    cached: false,
    retried: false,
    down: false,
    staleAllowed: true,
    nextCredential: false,
    refusesToken: false,
  },
  /** The registry answers that it can't answer now. */
  unavailable: {
    about: 'host',
    says: 'the registry is in trouble',
    remedy: 'try again when the registry is well',
    showsWords: false,
    cached: false,
    retried: true,
    down: true,
    staleAllowed: true,
    nextCredential: true,
    refusesToken: true,
  },
  /** Not retried: the request has used its time. */
  timeout: {
    about: 'host',
    says: "the registry didn't answer in time",
    remedy: 'try again; if it stays, look at the registry and the network between',
    showsWords: false,
    cached: false,
    retried: false,
    down: true,
    staleAllowed: true,
    nextCredential: false,
    refusesToken: true,
  },
  /** There was no connection, or it broke. */
  network: {
    about: 'host',
    says: "the registry can't be reached",
    remedy: "correct the registry's name, or look at the network between",
    showsWords: true,
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
    says: "the registry isn't trusted",
    remedy: "add the registry's CA to the configuration (registries.<host>.caFile)",
    showsWords: true,
    cached: false,
    retried: false,
    down: false,
    staleAllowed: false,
    nextCredential: false,
    refusesToken: false,
  },
  /** tagpin sends nothing there. */
  forbidden_address: {
    about: 'host',
    says: "the registry leads to where tagpin won't go",
    remedy: checkRegistry,
    showsWords: true,
    cached: false,
    retried: false,
    down: false,
    staleAllowed: false,
    nextCredential: true,
    refusesToken: false,
  },
  invalid_host: {
    about: 'host',
    says: 'no such registry can exist',
    remedy: 'correct the image',
    showsWords: false,
    cached: false,
    retried: false,
    down: false,
    staleAllowed: false,
    nextCredential: false,
    refusesToken: false,
  },
  redirect: { ...badAnswer, says: "the registry redirects where tagpin won't follow", showsWords: true },
  missing_realm: { ...badAnswer, says: 'the registry asks for a token, but not from where' },
  invalid_realm: { ...badAnswer, says: "the registry's token server isn't acceptable" },
  no_token: { ...badAnswer, says: 'the token server grants no token' },
  invalid_token: { ...badAnswer, says: "the token server's token is unusable" },
  bad_body: { ...badAnswer, says: 'the answer makes no sense', showsWords: true },
  too_large: { ...badAnswer, says: 'the answer is too large' },
  not_a_manifest: { ...badAnswer, says: 'the answer is no image' },
  unsupported_media_type: {
    ...badAnswer,
    says: "the image's format is too old",
    remedy: 'build and push the image with a current tool',
  },
  media_type_mismatch: { ...badAnswer, says: 'the registry contradicts itself' },
  digest_mismatch: { ...badAnswer, says: 'the registry contradicts itself' },
  /** The status is one that no registry answers here. */
  status: { ...badAnswer, says: 'the registry refuses' },
} as const satisfies Record<string, FailureMeaning>;

/** What went wrong between tagpin and a registry, in the terms that decide what to do about it. */
export type RegistryFailure = keyof typeof failures;

/** What a kind of failure means. */
export const meaningOf = (failure: RegistryFailure): FailureMeaning => failures[failure];
