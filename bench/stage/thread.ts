import { once } from 'node:events';
import { parentPort, Worker } from 'node:worker_threads';

/** A module in a thread of its own, so that its work isn't taken for that of the servers in this one. */
export class Thread<Task, Answer> implements AsyncDisposable {
  readonly #worker: Worker;

  constructor(file: string) {
    this.#worker = new Worker(new URL(file, import.meta.url));
  }

  /** Gives it a task, one at a time. Rejects with what the module throws. */
  async call(task: Task): Promise<Answer> {
    this.#worker.postMessage(task);
    const [answer] = await once(this.#worker, 'message');
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }
}

/** What such a module does with its tasks. */
export function answerTasks<Task, Answer>(answer: (task: Task) => Promise<Answer>): void {
  parentPort?.on('message', async (task: Task) => parentPort?.postMessage(await answer(task)));
}
