/** How many random inputs a property is tried with: `npm run fuzz` sets more. */
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 2_000);

/**
 * For `fc.assert`. A test file that imports this takes part in `npm run fuzz`.
 *
 * @param share of the usual number, for properties whose inputs are large
 */
export function runs(share = 1): { numRuns: number } {
  return { numRuns: Math.ceil(RUNS * share) };
}
