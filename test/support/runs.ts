/** The number of random inputs for a property; `npm run fuzz` sets a higher one. */
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 2_000);

/**
 * For `fc.assert`. A test file that imports this takes part in `npm run fuzz`.
 *
 * @param share fraction of the usual number, for properties with large inputs
 */
export function runs(share = 1): { numRuns: number } {
  return { numRuns: Math.ceil(RUNS * share) };
}
