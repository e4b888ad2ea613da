import { z } from 'zod';
import { table } from './table.ts';

export const subjects = ['throughput', 'growth', 'footprint', 'requests'] as const;
export type Subject = (typeof subjects)[number];

/** One thing that was measured. */
export const figureSchema = z.object({
  /** What it is about. */
  subject: z.enum([...subjects, 'cluster', 'scale']),
  name: z.string(),
  value: z.number(),
  /** `MiB`, `ms`, `requests`; × for a ratio. */
  unit: z.string(),
  /** What it should be; without one it is there to be known. */
  target: z.union([z.object({ atLeast: z.number() }), z.object({ atMost: z.number() })]).optional(),
  /** The numbers behind it, for whoever wants to know more. */
  detail: z.record(z.string(), z.number()).optional(),
});
export type Figure = Readonly<z.infer<typeof figureSchema>>;

/** Whether it is as it should be; undefined where nothing says how it should be. */
export function isMet({ value, target }: Figure): boolean | undefined {
  if (target === undefined) return undefined;
  return 'atLeast' in target ? value >= target.atLeast : value <= target.atMost;
}

/** How much of each thing is measured. */
export interface Effort {
  /** In which all take their turns. */
  readonly rounds: number;
  /** Of one turn. */
  readonly milliseconds: number;
  /** Scales what is counted: reviews, images, namespaces. */
  readonly scale: number;
}

/** Significant digits: a third one would be noise. */
const print = (value: number) => (value >= 100 ? value.toFixed(0) : Number(value.toPrecision(2)).toString());

/** For people. */
export function printFigures(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => {
    const { subject, name, value, unit, target, detail = {} } = figure;
    const wanted =
      target === undefined ? '' : 'atLeast' in target ? `≥ ${target.atLeast}` : `≤ ${target.atMost}`;
    const met = isMet(figure);
    const details = Object.entries(detail).map(([key, number]) => `${key} ${print(number)}`);
    return [
      subject,
      name,
      `${print(value)} ${unit}`,
      wanted,
      met === undefined ? '' : met ? '✔' : '✘',
      details.join(', '),
    ];
  });
  return table(['', 'what', 'measured', 'wanted', ' ', 'behind it'], rows, ['measured']);
}
