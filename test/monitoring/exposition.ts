/** What a page of metrics in Prometheus' text format says there is. */
export interface Exposition {
  /** The name of each metric, as its documentation has it. */
  readonly metrics: readonly string[];
  /** What can be asked for: a histogram's parts in place of its own name. */
  readonly series: ReadonlySet<string>;
  /** The labels of those that have samples. */
  readonly labels: ReadonlyMap<string, readonly string[]>;
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
  return { metrics: types.map(({ name }) => name), series: new Set(series), labels };
}
