const units = new Map(
  Object.entries({ ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }),
);
const PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g;
/** The syntax of a duration. */
export const DURATION = /^(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))+$/;

/** The milliseconds in a duration in Go's notation (`10s`, `1m30s`, `500ms`); undefined if it is invalid. */
export function parseDuration(text: string): number | undefined {
  if (text.length > 50 || !DURATION.test(text)) return undefined;
  let sum = 0;
  for (const [, number, unit = ''] of text.matchAll(PART))
    sum += Number(number) * (units.get(unit) ?? Number.NaN);
  return sum;
}
