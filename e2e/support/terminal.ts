import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** A command as somebody types it, and what came of it. */
export interface Typed {
  readonly command: string;
  /** Standard output and standard error as they come, as on a terminal. */
  readonly output: string;
  readonly code: number;
}

/** A shell that types one command after another, and keeps what was to be seen. */
export class Terminal {
  readonly #env: Readonly<Record<string, string>>;
  readonly #directory: string;
  readonly #typed: (Typed | string)[] = [];

  constructor(directory: string, env: Readonly<Record<string, string>>) {
    this.#directory = directory;
    this.#env = env;
  }

  /** What was typed and said, in order. */
  get typed(): readonly (Typed | string)[] {
    return this.#typed;
  }

  /** Says to whoever watches what happens elsewhere meanwhile. */
  say(text: string): void {
    this.#typed.push(text);
  }

  /** Runs a command that is part of the session. Returns what it printed, whatever came of it. */
  async type(command: string): Promise<Typed> {
    const typed = await this.aside(command);
    this.#typed.push(typed);
    return typed;
  }

  /** Runs a command that nobody sees. */
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
