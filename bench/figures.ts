import { mkdirSync, writeFileSync } from 'node:fs';

/** One thing that was measured. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  /** `MiB`, `ms`, `requests`; × for a ratio. */
  readonly unit: string;
  /** What it should be; without one, the figure is information. */
  readonly target?: { readonly atLeast: number } | { readonly atMost: number };
  /** The numbers behind it. */
  readonly detail?: Readonly<Record<string, number>>;
}

/** Whether a figure is as it should be; undefined where it has no target. */
export function isMet({ value, target }: Figure): boolean | undefined {
  if (target === undefined) return undefined;
  return 'atLeast' in target ? value >= target.atLeast : value <= target.atMost;
}

/** Prints the figures, and writes them to `.results/NAME.json`. */
export function report(name: string, options: object, figures: readonly Figure[]): void {
  console.log(figures.flatMap(linesOf).join('\n'));
  const content = {
    node: process.version,
    options,
    figures: figures.map((figure) => ({ ...figure, met: isMet(figure) })),
  };
  mkdirSync('.results', { recursive: true });
  writeFileSync(`.results/${name}.json`, `${JSON.stringify(content, null, 2)}\n`);
}

/** Two significant digits: a third would be noise. */
const print = (value: number) => (value >= 100 ? value.toFixed(0) : Number(value.toPrecision(2)).toString());

/** What was measured and what was wanted, and below it the numbers behind it. */
function linesOf(figure: Figure): string[] {
  const { name, value, unit, target, detail = {} } = figure;
  const limit = target && ('atLeast' in target ? `≥ ${target.atLeast}` : `≤ ${print(target.atMost)}`);
  const wanted = limit === undefined ? '' : `${isMet(figure) ? '✔' : '✘'} ${limit}`;
  const behind = Object.entries(detail).map(([key, number]) => `${key} ${print(number)}`);
  return [
    `${`${print(value)} ${unit}`.padStart(22)}  ${wanted.padEnd(8)}  ${name}`,
    ...(behind.length > 0 ? [`${''.padEnd(34)}${behind.join(', ')}`] : []),
  ];
}
