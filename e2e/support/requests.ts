import { readFileSync } from 'node:fs';
import type { Cluster } from './cluster.ts';

/** A line of the registry's log: `… "HEAD /v2/app/manifests/1 HTTP/1.1" 200 … "tagpin"`. */
const REQUEST = /"([A-Z]+) (\/v2\/\S*) HTTP[^"]*" (\d+) .*"([^"]*)"$/;

/** tagpin's requests to the public registry for a repository, in order: `HEAD 1`. */
export function tagpinRequests({ registryLog }: Cluster, repository: string): string[] {
  return readFileSync(registryLog, 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, method = '', path = '', , client] = REQUEST.exec(line.trimEnd()) ?? [];
      const isOurs = client === 'tagpin' && path.startsWith(`/v2/${repository}/`);
      return isOurs ? [`${method} ${path.slice(path.lastIndexOf('/') + 1)}`] : [];
    });
}
