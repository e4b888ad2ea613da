import type { IncomingMessage, ServerResponse } from 'node:http';
import { type KeyPair, type Listener, type ListenOptions, listen } from '../listen.ts';
import { type LoggedRequest, RequestLog } from '../request-log.ts';
import { play, type ScriptedResponse, type Step, scriptedResponse } from './scripted-response.ts';

export interface ScriptedOptions extends ListenOptions {
  /** The stand-ins for other hosts serve TLS with this; by default plain HTTP. */
  readonly standInTls?: KeyPair;
  /** Stand-ins keep the name of their host, for clients that resolve it to 127.0.0.1. */
  readonly standInNames?: boolean;
  /** Repeats the last step, instead of reporting that the script is exhausted. */
  readonly repeatLast?: boolean;
}

/**
 * A registry that sends scripted answers in order.
 *
 * A step with another `host` is played by a second server on 127.0.0.1 that stands in for that host. For a client to
 * find it, each `https://<host>` or `http://<host>` in a header of any step (a realm in WWW-Authenticate, a Location)
 * is replaced by the stand-in's own URL; `{registry}`, in headers and bodies, by the URL of the registry.
 *
 * A request that isn't the one the next step expects gets 500 with the header `X-Script: mismatch` and leaves the
 * script where it was; one after the last step gets 500 with `X-Script: exhausted`. Both are in `mismatches`.
 */
export interface ScriptedRegistry extends Listener {
  readonly requests: RequestLog;
  /** The requests that the script didn't expect, one sentence each. */
  readonly mismatches: readonly string[];
  /** How many steps haven't been played. */
  readonly remaining: number;
  /** The server standing in for a host named in the script. */
  standIn(host: string): Listener;
}

export async function startScriptedRegistry(
  responses: readonly ScriptedResponse[],
  options: ScriptedOptions = {},
): Promise<ScriptedRegistry> {
  const requests = new RequestLog();
  const steps = responses.map((response) => scriptedResponse.parse(response));
  const script = new Script(steps, options.repeatLast ?? false);
  const standIns = new Map<string, Listener>();
  let registryUrl = '';

  const serve = (host: string | undefined) => async (request: IncomingMessage, response: ServerResponse) => {
    const step = script.next(requests.record(request, response), host);
    request.resume();
    if (typeof step === 'string') response.writeHead(500, { 'X-Script': step }).end(`script ${step}\n`);
    else await play(located(step, standIns, registryUrl), response);
  };
  const listener = await listen(serve(undefined), options);
  registryUrl = listener.url;
  for (const host of new Set(steps.flatMap((step) => step.host ?? []))) {
    const tls = options.standInTls && { tls: options.standInTls };
    standIns.set(host, await listen(serve(host), { ...(options.standInNames && { name: host }), ...tls }));
  }
  const close = async () => {
    await Promise.all([listener, ...standIns.values()].map((server) => server.close()));
  };
  return {
    ...listener,
    requests,
    mismatches: script.mismatches,
    get remaining() {
      return script.remaining;
    },
    standIn(host) {
      const found = standIns.get(host);
      if (found === undefined) throw new Error(`no step of the script is of host ${host}`);
      return found;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** The position in the script. */
class Script {
  readonly mismatches: string[] = [];
  readonly #steps: readonly Step[];
  readonly #repeatLast: boolean;
  #played = 0;

  constructor(steps: readonly Step[], repeatLast: boolean) {
    this.#steps = steps;
    this.#repeatLast = repeatLast;
  }

  get remaining(): number {
    return this.#steps.length - this.#played;
  }

  /** The step that answers the request to this host, or why there is none. */
  next(request: LoggedRequest, host: string | undefined): Step | 'mismatch' | 'exhausted' {
    const got = `${request.method} ${host ?? ''}${request.path}`;
    const step = this.#steps[this.#played] ?? (this.#repeatLast ? this.#steps.at(-1) : undefined);
    if (step === undefined) {
      this.mismatches.push(`after the last step: ${got}`);
      return 'exhausted';
    }
    const path = step.path ?? request.path;
    if (step.method !== request.method || step.host !== host || path !== request.path) {
      const expected = `${step.method} ${step.host ?? ''}${step.path ?? ''}`;
      this.mismatches.push(`step ${this.#played + 1}: expected ${expected}, got ${got}`);
      return 'mismatch';
    }
    this.#played = Math.min(this.#played + 1, this.#steps.length);
    return step;
  }
}

function located(step: Step, standIns: ReadonlyMap<string, Listener>, registryUrl: string): Step {
  const standInFor = (url: string, host: string) => standIns.get(host)?.url ?? url;
  const locate = (text: string) =>
    text.replaceAll('{registry}', registryUrl).replaceAll(/https?:\/\/([\w.:-]+)/g, standInFor);
  const headers = Object.entries(step.headers).map(
    ([name, value]) => [name, typeof value === 'string' ? locate(value) : value.map(locate)] as const,
  );
  return {
    ...step,
    headers: Object.fromEntries(headers),
    body: step.body?.replaceAll('{registry}', registryUrl),
  };
}
