/**
 * The part of what the API server waits that is taken off for the way back, and the least. A process that shares its
 * core runs late by as much; and a registry that hasn't answered in nine seconds won't in half a second more.
 */
const WAY_BACK = 1 / 10;
const LEAST_WAY_BACK_MS = 500;
/**
 * Taken off for what else is under way. Where a registry says nothing, all of it has to be answered when the time is up; what
 * comes in a burst would then be answered in one, the last of it too late. This also has those who came last, and may have
 * waited to be read, be the first to be answered. A pod of a hundred images takes as long as many small ones: it is the bytes
 * that count.
 */
const ANSWER_MS_PER_MIB = 50;
const MIB = 1024 * 1024;
/** The part of what the API server waits that is taken off for others at most. */
const LONGEST_QUEUE = 1 / 4;
const MINIMUM_MS = 100;

/**
 * Milliseconds in which a review is to be decided, so that its answer is there in time.
 *
 * @param patience milliseconds that the API server waits
 * @param waited milliseconds since the review came
 * @param held bytes of reviews that aren't answered yet, this one included, as the load limiter counts them
 */
export function timeFor(patience: number, waited: number, held: number): number {
  const wayBack = Math.max(LEAST_WAY_BACK_MS, patience * WAY_BACK);
  const queue = Math.min((held / MIB) * ANSWER_MS_PER_MIB, patience * LONGEST_QUEUE);
  return Math.max(MINIMUM_MS, Math.round(patience - wayBack - queue - waited));
}
