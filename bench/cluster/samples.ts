/** What Prometheus would read of one or more processes, at one moment. */
export class Samples {
  readonly #lines: readonly string[];

  constructor(...texts: readonly string[]) {
    this.#lines = texts.flatMap((text) => text.split('\n')).filter((line) => line !== '' && line[0] !== '#');
  }

  /** The sum of all series of that name whose labels have all of these in them: `verb="GET"`. */
  sum(name: string, ...labels: readonly string[]): number {
    return this.#lines
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .filter((line) => labels.every((label) => line.includes(label)))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }
}
