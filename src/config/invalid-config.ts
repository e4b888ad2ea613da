/** Thrown for a configuration with mistakes: all of them, each with the path of its key; or for one that can't be read. */
export class InvalidConfig extends Error {
  override readonly name = 'InvalidConfig';
  readonly problems: readonly string[];

  constructor(file: string, problems: readonly string[], message = listed(file, problems)) {
    super(message);
    this.problems = problems;
  }

  static unreadable(path: string, why: string): InvalidConfig {
    const problem = `it can't be read: ${why}`;
    return new InvalidConfig(
      path,
      [problem],
      `configuration ${path} can't be read: ${why}; correct the path`,
    );
  }
}

const listed = (file: string, problems: readonly string[]) =>
  `${file} is not a valid configuration:\n${problems.map((problem) => `  ${problem}`).join('\n')}`;
