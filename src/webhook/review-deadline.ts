/**
 * The part of the API server's timeout that is reserved for the response, and its minimum, which covers the delays of a process
 * that shares its core. A registry that hasn't answered in nine seconds won't in half a second more.
 */
const RESPONSE_RESERVE = 1 / 10;
const LEAST_RESPONSE_RESERVE_MS = 500;
/**
 * The time that is kept for the other reviews under way. If a registry is silent, all reviews of a burst run out of time
 * together, and the last of them would be answered too late. With this, those that came last are answered first. It counts
 * bytes, because a pod of a hundred images takes as long as many small ones.
 */
const ANSWER_MS_PER_MIB = 50;
const MIB = 1024 * 1024;
/** The largest part of the API server's timeout that is kept for them. */
const LONGEST_QUEUE = 1 / 4;
const MINIMUM_MS = 100;

/**
 * The milliseconds in which a review has to be decided for its answer to arrive in time.
 *
 * @param patience the API server's timeout in milliseconds
 * @param waited milliseconds since the review arrived
 * @param held bytes of reviews that aren't answered yet, this one included, as the load limiter counts them
 */
export function timeFor(patience: number, waited: number, held: number): number {
  const wayBack = Math.max(LEAST_RESPONSE_RESERVE_MS, patience * RESPONSE_RESERVE);
  const queue = Math.min((held / MIB) * ANSWER_MS_PER_MIB, patience * LONGEST_QUEUE);
  return Math.max(MINIMUM_MS, Math.round(patience - wayBack - queue - waited));
}
