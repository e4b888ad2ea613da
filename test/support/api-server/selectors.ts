import type { KubernetesObject } from './objects.ts';
import { badRequest } from './status.ts';

/** Tells whether the object meets a labelSelector: `a=b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`, `a`, `!a`. */
export function meetsLabelSelector(
  { metadata: { labels = {} } }: KubernetesObject,
  selector: string,
): boolean {
  // a comma inside parentheses separates values, not requirements
  return selector.split(/,(?![^(]*\))/).every((requirement) => meetsLabel(labels, requirement.trim()));
}

function meetsLabel(labels: Readonly<Record<string, string>>, requirement: string): boolean {
  if (requirement === '') return true;
  const [, setKey = '', setOperator, list = ''] = /^(\S+)\s+(in|notin)\s*\((.*)\)$/.exec(requirement) ?? [];
  if (setOperator !== undefined) {
    const values = list.split(',').map((value) => value.trim());
    return values.includes(labels[setKey] ?? '\0') === (setOperator === 'in');
  }
  const [, key = '', operator, value = ''] = /^([^=!\s]+)\s*(==?|!=)\s*(\S*)$/.exec(requirement) ?? [];
  if (operator !== undefined) return (labels[key] === value) === (operator !== '!=');
  return requirement.startsWith('!')
    ? !Object.hasOwn(labels, requirement.slice(1))
    : Object.hasOwn(labels, requirement);
}

const selectableFields = [
  'metadata.name',
  'metadata.namespace',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.phase',
  'type',
];

/** Tells whether the object meets a fieldSelector, which may use only the fields that the API server supports. */
export function meetsFieldSelector(object: KubernetesObject, selector: string): boolean {
  return selector
    .split(',')
    .filter((requirement) => requirement !== '')
    .every((requirement) => {
      const [, field = '', operator, value = ''] = /^([^=!]+)(==?|!=)(.*)$/.exec(requirement) ?? [];
      if (!selectableFields.includes(field)) throw badRequest(`field label not supported: ${field}`);
      return (fieldOf(object, field) === value) === (operator !== '!=');
    });
}

function fieldOf(object: KubernetesObject, field: string): unknown {
  let value: unknown = object;
  for (const key of field.split('.')) {
    value = new Map(Object.entries(typeof value === 'object' && value !== null ? value : {})).get(key);
  }
  // the API server compares a missing field as an empty string
  return value ?? '';
}
