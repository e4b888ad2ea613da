import type { Access, Action } from './access.ts';

/** Access in a challenge's format: `repository:team/app:pull,push`, space-separated. */
export function formatScope(access: readonly Access[]): string {
  return access.map(({ repository, actions }) => `repository:${repository}:${actions.join(',')}`).join(' ');
}

/** Reads the `scope` parameters of a token request. Scopes of other types are ignored. */
export function parseScopes(parameters: readonly string[]): Access[] {
  return parameters
    .flatMap((parameter) => parameter.split(' '))
    .flatMap((scope) => {
      // the name may hold a colon (a host with a port), the actions can't
      const [, repository, actions] = /^repository(?:\([^)]*\))?:(.+):([a-z,*]*)$/.exec(scope) ?? [];
      return repository === undefined ? [] : [{ repository, actions: parseActions(actions ?? '') }];
    });
}

function parseActions(text: string): Action[] {
  const named = text.split(',');
  const all: Action[] = ['pull', 'push', 'delete'];
  return all.filter((action) => named.includes(action) || named.includes('*'));
}
