/** What a page of metrics in Prometheus' text format says there is. */
export interface Exposition {
  /** The name of each metric, as its documentation has it. */
  readonly metrics: readonly string[];
  /** What can be asked for: a histogram's parts in place of its own name. */
  readonly series: ReadonlySet<string>;
  /** The labels of those that have samples. */
  readonly labels: ReadonlyMap<string, readonly string[]>;
  readonly samples: readonly Sample[];
}

/** One line: `tagpin_images_total{mode="enforce"} 1`. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export function readExposition(text: string): Exposition {
  const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type]) => ({ name, type }));
  const series = types.flatMap(({ name, type }) =>
    type === 'histogram' ? ['_bucket', '_sum', '_count'].map((part) => name + part) : [name],
  );
  const labels = new Map<string, string[]>();
  for (const [, sample = '', pairs = ''] of text.matchAll(/^([a-z_]+)\{(.*)\} \S+$/gm)) {
    const names = [...pairs.matchAll(/(\w+)="/g)]
      .map(([, name = '']) => name)
      .filter((name) => name !== 'le');
    const [own] = types.filter(
      ({ name }) => name === sample || sample.replace(/_(bucket|sum|count)$/, '') === name,
    );
    if (own !== undefined) labels.set(own.name, names.sort());
  }
  const samples = [...text.matchAll(/^(\w+)(?:\{(.*)\})? (\S+)$/gm)].map(
    ([, name = '', pairs = '', value]) => ({
      name,
      labels: Object.fromEntries(
        [...pairs.matchAll(/(\w+)="([^"]*)"/g)].map(([, label = '', content = '']) => [label, content]),
      ),
      value: Number(value),
    }),
  );
  return { metrics: types.map(({ name }) => name), series: new Set(series), labels, samples };
}
