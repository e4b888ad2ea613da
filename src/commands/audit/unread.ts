import type { Problem } from '../../fleet/audit.ts';
import type { KubernetesError } from '../../kubernetes/error.ts';
import { remedyFor } from '../api-server.ts';

/** What a call's error begins with, which says what was asked and not what the matter is. */
const REQUEST = /^[A-Z]+ \/\S*: /;

/** More names would hide the cause. */
const MOST_NAMES = 4;

/** What of the cluster couldn't be read, once for each cause: one API server that is down has one for all of it. */
export class Unread {
  readonly #causes = new Map<string, { error: KubernetesError; names: string[] }>();
  readonly #absent: string[] = [];

  /** Without an error it isn't there. */
  add(name: string, error: KubernetesError | undefined): void {
    if (error === undefined) {
      this.#absent.push(name);
      return;
    }
    const cause = `${error.status} ${error.message.replace(REQUEST, '')}`;
    const known = this.#causes.get(cause);
    if (known === undefined) this.#causes.set(cause, { error, names: [name] });
    else known.names.push(name);
  }

  problems(): Problem[] {
    const absent = this.#absent.map(
      (name) => `${name} doesn't exist; correct its name or the kubeconfig's context`,
    );
    const unreadable = [...this.#causes.values()].map(
      ({ error, names }) => `${listed(names)} can't be read: ${error.message}; ${remedyFor(error)}`,
    );
    return [...absent, ...unreadable].map((message) => ({ message, images: undefined }));
  }
}

function listed(names: readonly string[]): string {
  const rest = names.length - MOST_NAMES;
  const shown = rest > 0 ? [...names.slice(0, MOST_NAMES), `${rest} more`] : names;
  return [shown.slice(0, -1).join(', '), ...shown.slice(-1)].filter((part) => part !== '').join(' and ');
}
