const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** So many milliseconds, as people say it: `5 min`, `3 h`, `12 d`, rounded down. */
export function ageInWords(milliseconds: number): string {
  const age = Math.max(milliseconds, 0);
  if (age < HOUR) return `${Math.floor(age / MINUTE)} min`;
  return age < 2 * DAY ? `${Math.floor(age / HOUR)} h` : `${Math.floor(age / DAY)} d`;
}
