import type { FieldSpec } from './field-spec.ts';

/** Files of a format that isn't Kubernetes', and where they have images. */
interface Format {
  /** What messages call such a file. */
  kind: string;
  file: RegExp;
  fields: readonly Pick<FieldSpec, 'path' | 'unless' | 'scheme'>[];
}

const formats: readonly Format[] = [
  {
    kind: 'compose file',
    file: /(^|[/\\])(docker-)?compose([.-][^/\\]*)?\.ya?ml$/,
    // Beside `build`, the image is the name of what is built (compose-spec, build.md).
    fields: [{ path: 'services/*/image', unless: 'build' }],
  },
  {
    kind: 'workflow',
    file: /(^|[/\\])\.(github|gitea|forgejo)[/\\]workflows[/\\][^/\\]+\.ya?ml$/,
    fields: [
      { path: 'jobs/*/container' },
      { path: 'jobs/*/container/image' },
      { path: 'jobs/*/services/*/image' },
      { path: 'jobs/*/steps/uses', scheme: 'docker://' },
    ],
  },
  {
    kind: 'action',
    file: /(^|[/\\])action\.ya?ml$/,
    fields: [
      { path: 'runs/steps/uses', scheme: 'docker://' },
      { path: 'runs/image', scheme: 'docker://' },
    ],
  },
  {
    kind: 'pipeline',
    file: /(^|[/\\])[^/\\]*\.gitlab-ci\.ya?ml$/,
    fields: ['', '*/'].flatMap((job) =>
      ['image', 'image/name', 'services', 'services/name'].map((path) => ({ path: job + path })),
    ),
  },
];

/** What a file is by its name, if it isn't Kubernetes'. */
export function formatOf(name: string): { apiVersion: string; kind: string } | undefined {
  const format = formats.find(({ file }) => file.test(name));
  return format && { apiVersion: '', kind: format.kind };
}

/** Where such files have images. They have no pod specs. */
export const otherFieldSpecs: readonly FieldSpec[] = formats.flatMap(({ kind, fields }) =>
  fields.map((field) => ({ ...field, kind, group: '', isImage: true })),
);
