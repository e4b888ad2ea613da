import type { Progress } from '../console/terminal.ts';
import type { KubernetesApi } from '../kubernetes/api.ts';

/** The same API, whose lists count as progress: each object, and which resource is being read. */
export function countingReads(
  api: Pick<KubernetesApi, 'list'>,
  progress: Progress,
): Pick<KubernetesApi, 'list'> {
  return {
    async *list(resource, ...rest) {
      progress.begin(resource.name);
      try {
        for await (const object of api.list(resource, ...rest)) {
          progress.finish('');
          yield object;
        }
      } finally {
        progress.finish(resource.name, 0);
      }
    },
  };
}
