/** How the repositories at a mirror are called. */
export interface Rewrite {
  readonly pattern: RegExp;
  /** For a match: its groups by number or name. */
  readonly replacement: (groups: Readonly<Record<string, string | undefined>>) => string;
}

/**
 * A rule of k3s and RKE2 for a mirror's repositories: a regular expression of Go, and what each match becomes, with groups as
 * `$1`, `${1}` or `${name}` (k3s-io/containerd; Go regexp, `ReplaceAllString`). Undefined for an expression that JavaScript
 * reads otherwise or not at all.
 */
export function parseRewrite(expression: string, template: string): Rewrite | undefined {
  const [, flags = '', rest = ''] = /^(?:\(\?([is]+)\))?(.*)$/s.exec(expression) ?? [];
  try {
    const pattern = new RegExp(rest.replaceAll('(?P<', '(?<'), `gu${flags}`);
    const replacement: Rewrite['replacement'] = (groups) =>
      template.replace(/\$(?:\$|(\w+)|\{(\w+)\})/g, (found, plain?: string, braced?: string) => {
        const name = plain ?? braced;
        return name === undefined ? found.slice(1) : (groups[name] ?? '');
      });
    return { pattern, replacement };
  } catch {
    return undefined;
  }
}

/** The repository as the first rule that changes it calls it. */
export function rewritten(repository: string, rewrites: readonly Rewrite[]): string {
  const changed = rewrites.map((rewrite) => applied(repository, rewrite));
  return changed.find((result) => result !== repository) ?? repository;
}

function applied(repository: string, { pattern, replacement }: Rewrite): string {
  let result = '';
  let end = 0;
  for (const match of repository.matchAll(pattern)) {
    const isAbutting = match[0] === '' && match.index === end && end > 0;
    // As in Go, an empty match right behind another is none.
    if (isAbutting) continue;
    result +=
      repository.slice(end, match.index) +
      replacement({ ...Object.fromEntries(match.entries()), ...match.groups });
    end = match.index + match[0].length;
  }
  return result + repository.slice(end);
}
