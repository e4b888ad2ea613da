/** The `code` of an error of the system or of a library, such as `ENOENT`; undefined if it has none. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EISDIR: 'it is a folder',
  EACCES: 'permission denied',
};

/** Why a file can't be read, for a message: `there is no such file`. Undefined for errors without a code. */
export function whyUnreadable(error: unknown): string | undefined {
  const code = codeOf(error);
  return code === undefined ? undefined : (reasons[code] ?? code);
}
