import { z } from 'zod';

const requirement = z.object({
  key: z.string(),
  operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
  values: z.array(z.string()).nullish(),
});

/** A label selector, as objects of the API have it (apimachinery pkg/apis/meta/v1/types.go, `LabelSelector`). */
export const selector = z.object({
  matchLabels: z.record(z.string(), z.string()).nullish(),
  matchExpressions: z.array(requirement).nullish(),
});
export type Selector = z.infer<typeof selector>;

export type Labels = Readonly<Record<string, string>>;

/** Whether labels meet a selector (apimachinery pkg/apis/meta/v1/helpers.go); any labels meet an empty one. */
export function meets({ matchLabels, matchExpressions }: Selector, labels: Labels): boolean {
  const all = [
    ...Object.entries(matchLabels ?? {}).map(([key, value]) => ({ key, operator: 'In', values: [value] })),
    ...(matchExpressions ?? []),
  ];
  return all.every(({ key, operator, values }) => {
    const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
    const isListed = value !== undefined && (values ?? []).includes(value);
    switch (operator) {
      case 'In':
        return isListed;
      case 'NotIn':
        return !isListed;
      case 'Exists':
        return value !== undefined;
      default:
        return value === undefined;
    }
  });
}
