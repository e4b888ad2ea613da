/** A challenge in a `WWW-Authenticate` header. */
export interface Challenge {
  /** In lower case: `bearer`, `basic`. */
  readonly scheme: string;
  /** By name in lower case; the first of duplicates counts. */
  readonly params: Readonly<Record<string, string>>;
  /** Data instead of parameters, as in `NTLM TlRMTVNTUAAC==`. */
  readonly token68?: string;
}

/**
 * Parses the challenges in `WWW-Authenticate` (RFC 9110, 11.6.1). They may share one header, as Gitea sends them, and as
 * Node joins repeated headers.
 *
 * Never fails: invalid text is skipped up to the next comma. A parameter whose quoted string doesn't end is dropped,
 * because half a realm is another realm. Takes linear time.
 */
export function parseChallenges(headers: string | readonly string[]): Challenge[] {
  return [headers].flat().flatMap(parseHeader);
}

/** The challenge to answer: Bearer with a realm, else Basic, else none. */
export function chooseChallenge(challenges: readonly Challenge[]): Challenge | undefined {
  const bearer = challenges.find(({ scheme, params }) => scheme === 'bearer' && params['realm']);
  return bearer ?? challenges.find(({ scheme }) => scheme === 'basic');
}

const SEPARATOR = /[\s,]*/y;
const SCHEME = /[\w!#$%&'*+\-.^`|~]+/y;
const TOKEN68 = /\s+([\w\-.~+/]+=*)\s*(?=,|$)/y;
const NAME = /([\w!#$%&'*+\-.^`|~]+)\s*=\s*/y;
/** More than RFC 9110's token, so that a realm without quotes is understood too. */
const UNQUOTED = /[^\s,;"]+/y;
const UNREADABLE = /[^",]+/y;

function parseHeader(header: string): Challenge[] {
  const reader = new Reader(header);
  const drafts: PartialChallenge[] = [];
  for (reader.take(SEPARATOR); !reader.atEnd; reader.take(SEPARATOR)) {
    // Only the equals sign distinguishes a parameter from the scheme of the next challenge.
    const name = reader.take(NAME)?.toLowerCase();
    if (name !== undefined) {
      const value = reader.takeQuoted() ?? reader.take(UNQUOTED);
      const params = drafts.at(-1)?.params;
      if (value !== undefined && params?.has(name) === false) params.set(name, value);
      continue;
    }
    const scheme = reader.take(SCHEME)?.toLowerCase();
    if (scheme !== undefined) drafts.push({ scheme, params: new Map(), token68: reader.take(TOKEN68) });
    else reader.skipToComma();
  }
  return drafts.map(({ scheme, params, token68 }) => ({
    scheme,
    params: Object.fromEntries(params),
    ...(token68 !== undefined && { token68 }),
  }));
}

/** A challenge that is being parsed. Its parameters are a map because one may be named `__proto__`. */
interface PartialChallenge {
  readonly scheme: string;
  readonly params: Map<string, string>;
  readonly token68: string | undefined;
}

class Reader {
  readonly #text: string;
  #position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get atEnd(): boolean {
    return this.#position >= this.#text.length;
  }

  /** The match of a sticky pattern here, or its group if it has one; undefined if it doesn't match. */
  take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#position;
    const match = pattern.exec(this.#text);
    if (match === null) return undefined;
    this.#position = pattern.lastIndex;
    return match[1] ?? match[0];
  }

  /** A quoted string without its quotes; undefined if there is none. An unterminated one consumes the rest. */
  takeQuoted(): string | undefined {
    if (this.#text[this.#position] !== '"') return undefined;
    let value = '';
    for (this.#position += 1; !this.atEnd; this.#position += 1) {
      if (this.#text[this.#position] === '"') {
        this.#position += 1;
        return value;
      }
      if (this.#text[this.#position] === '\\') this.#position += 1;
      value += this.#text[this.#position] ?? '';
    }
    return undefined;
  }

  /** Skips invalid text; a comma within quotes doesn't count. */
  skipToComma(): void {
    while (this.takeQuoted() !== undefined || this.take(UNREADABLE) !== undefined);
  }
}
