/** A challenge of a `WWW-Authenticate` header. */
export interface Challenge {
  /** In lower case: `bearer`, `basic`. */
  readonly scheme: string;
  /** By their names in lower case; of duplicates the first. */
  readonly params: Readonly<Record<string, string>>;
  /** What stands in place of parameters, as with `NTLM TlRMTVNTUAAC==`. */
  readonly token68?: string;
}

/**
 * Reads the challenges in the values of `WWW-Authenticate` (RFC 9110, 11.6.1), whether they stand in a header
 * each or share one, as Gitea's do, and as they do once Node has joined repeated headers.
 *
 * Never fails: what can't be read is passed over up to the next comma. Where a quoted string doesn't end, its
 * parameter is dropped, because half a realm is another realm. Takes linear time.
 */
export function parseChallenges(headers: string | readonly string[]): Challenge[] {
  return [headers].flat().flatMap(parseHeader);
}

/** The challenge to answer: Bearer if it has a realm to ask for a token, else Basic, else none. */
export function chooseChallenge(challenges: readonly Challenge[]): Challenge | undefined {
  const bearer = challenges.find(({ scheme, params }) => scheme === 'bearer' && params['realm']);
  return bearer ?? challenges.find(({ scheme }) => scheme === 'basic');
}

const SEPARATOR = /[\s,]*/y;
const SCHEME = /[\w!#$%&'*+\-.^`|~]+/y;
const TOKEN68 = /\s+([\w\-.~+/]+=*)\s*(?=,|$)/y;
const NAME = /([\w!#$%&'*+\-.^`|~]+)\s*=\s*/y;
/** More than a token: a realm without quotes around it is a mistake, but a plain one. */
const UNQUOTED = /[^\s,;"]+/y;
const UNREADABLE = /[^",]+/y;

function parseHeader(header: string): Challenge[] {
  const reader = new Reader(header);
  const drafts: Draft[] = [];
  for (reader.take(SEPARATOR); !reader.atEnd; reader.take(SEPARATOR)) {
    // Only the equals sign behind it tells a parameter from the scheme of the next challenge.
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

/** A challenge that is still being read. Its parameters are a map because one may be called `__proto__`. */
interface Draft {
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

  /** What a sticky pattern matches here, or its group if it has one; undefined if it doesn't match. */
  take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#position;
    const match = pattern.exec(this.#text);
    if (match === null) return undefined;
    this.#position = pattern.lastIndex;
    return match[1] ?? match[0];
  }

  /** A quoted string without its quotes; undefined if here is none. An endless one takes all that is left. */
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

  /** Passes over what can't be read; a comma within quotes doesn't count. */
  skipToComma(): void {
    while (this.takeQuoted() !== undefined || this.take(UNREADABLE) !== undefined);
  }
}
