/** What `npm run fuzz` sets: it tries more. */
const fuzzRuns = process.env['FUZZ_RUNS'];
/** The number of random inputs for a property otherwise. */
const RUNS = 2_000;

/**
 * For `fc.assert`. A test file that imports this takes part in `npm run fuzz`.
 *
 * @param share fraction of the usual number, for properties with large inputs
 * @param fuzzShare the same for `npm run fuzz`
 */
export function runs(share = 1, fuzzShare = share): { numRuns: number } {
  return { numRuns: Math.ceil(fuzzRuns === undefined ? RUNS * share : Number(fuzzRuns) * fuzzShare) };
}
