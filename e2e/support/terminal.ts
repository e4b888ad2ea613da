import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** A command as typed, with its result. */
export interface Typed {
  readonly command: string;
  /** Standard output and standard error, interleaved as on a terminal. */
  readonly output: string;
  readonly code: number;
}

/** A shell that runs one command after another, and records the session. */
export class Terminal {
  readonly #env: Readonly<Record<string, string>>;
  readonly #directory: string;
  readonly #typed: (Typed | string)[] = [];

  constructor(directory: string, env: Readonly<Record<string, string>>) {
    this.#directory = directory;
    this.#env = env;
  }

  /** The commands and comments, in order. */
  get typed(): readonly (Typed | string)[] {
    return this.#typed;
  }

  /** Adds a comment about what happens outside the terminal. */
  say(text: string): void {
    this.#typed.push(text);
  }

  /** Runs a command as part of the session. Returns what it printed; failures don't throw. */
  async type(command: string): Promise<Typed> {
    const typed = await this.aside(command);
    this.#typed.push(typed);
    return typed;
  }

  /** Runs a command that isn't recorded. */
  async aside(command: string): Promise<Typed> {
    const child = spawn('bash', ['-c', `{ ${command}\n} 2>&1`], {
      cwd: this.#directory,
      env: { ...process.env, ...this.#env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    const [code] = await once(child, 'close');
    return { command, output: output.trimEnd(), code: typeof code === 'number' ? code : -1 };
  }
}
