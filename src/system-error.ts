/** The code that the system, or a library in its manner, has given an error: `ENOENT`. Undefined where there is none. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EISDIR: 'it is a folder',
  EACCES: 'permission denied',
};

/** Why a file can't be read, for people: `there is no such file`. Undefined for what the file system didn't say. */
export function whyUnreadable(error: unknown): string | undefined {
  const code = codeOf(error);
  return code === undefined ? undefined : (reasons[code] ?? code);
}
