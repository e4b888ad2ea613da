/** What a terminal or a log would interpret or hide: control characters, line ends, text direction, lone surrogates. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** What GitHub's runner takes for a command: `::error::` at the beginning of a line, `##[error]` anywhere. */
const WORKFLOW_COMMAND = /^(\s*):(?=:[A-Za-z])|#(?=#\[)/g;

/** Untrusted text for a line of output: all of it, with what would be interpreted or hidden escaped. */
export function printable(text: string): string {
  return text
    .replace(HIDDEN, escaped)
    .replace(WORKFLOW_COMMAND, (found, space = '') => space + escaped(found.slice(space.length)));
}

/** The same for lines of a message that are meant as such. */
export const printableLines = (text: string) => text.split('\n').map(printable).join('\n');

const escaped = (character: string) => `\\u{${character.codePointAt(0)?.toString(16)}}`;
