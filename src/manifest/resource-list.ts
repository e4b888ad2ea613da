import { stringify } from 'yaml';
import type { Manifest } from './document.ts';
import { childOf, memberOf, nodeAt, type ObjectName, stringOf } from './objects.ts';
import { type Edit, endOfLine } from './splice.ts';
import { follow, valueFrom } from './yaml/node.ts';

/**
 * A result that a function reports (KRM functions specification, `results`).
 */
export interface FunctionResult {
  message: string;
  severity: 'error' | 'warning' | 'info';
  resourceRef?: ResourceRef;
  field?: { path: string; currentValue?: string; proposedValue?: string };
  file?: { path: string; index?: number };
}

export interface ResourceRef {
  apiVersion: string;
  kind: string;
  name: string;
  namespace?: string;
}

/** Whether a manifest is the input of a KRM function: one document, a `ResourceList`. */
export function isResourceList({ documents, mistakes }: Manifest): boolean {
  const [document, ...others] = documents;
  if (document === undefined || others.length > 0 || mistakes.length > 0) return false;
  const textAt = (name: string) => stringOf(childOf(document.root, name));
  return (
    textAt('kind') === 'ResourceList' && (textAt('apiVersion') ?? '').startsWith('config.kubernetes.io/')
  );
}

/** The function's configuration; undefined if there is none. */
export function functionConfigOf({ documents: [document] }: Manifest): unknown {
  const node = childOf(document?.root, 'functionConfig');
  return node && valueFrom(node);
}

/** The file of an object, by the annotations of the orchestrator. */
export function fileOf(manifest: Manifest, pointer: string): FunctionResult['file'] {
  const [document] = manifest.documents;
  const annotations = nodeAt(document?.root, `${pointer}/metadata/annotations`);
  const noted = (name: string) =>
    stringOf(childOf(annotations, `internal.config.kubernetes.io/${name}`)) ??
    stringOf(childOf(annotations, `config.kubernetes.io/${name}`));
  const [path, index] = [noted('path'), noted('index')];
  if (path === undefined) return undefined;
  return { path, ...(index !== undefined && /^[0-9]+$/.test(index) ? { index: Number(index) } : {}) };
}

export function resourceRefOf({ apiVersion, kind, name, namespace }: ObjectName): ResourceRef {
  return { apiVersion, kind, name, ...(namespace === undefined ? {} : { namespace }) };
}

/** Adds results to a `ResourceList`, after those of other functions. */
export function addResults(manifest: Manifest, results: readonly FunctionResult[]): Edit[] {
  const [document] = manifest.documents;
  const list = follow(document?.root);
  if (list?.type !== 'mapping' || results.length === 0) return [];
  const { text } = manifest;
  const { start, end } = list;
  const before = memberOf(list, 'results')?.pair.value;
  if (before !== undefined) {
    const value = valueFrom(before);
    const all = JSON.stringify([...(Array.isArray(value) ? value : []), ...results]);
    const rest = text[before.end - 1] === '\n' ? endOfLine(text, before.start) : '';
    // A block list may be indented no further than its key, but a flow list may not.
    const gap = /[:\n]/.test(text[before.start - 1] ?? '') ? ' ' : '';
    return [{ start: before.start, end: before.end, text: `${gap}${all}${rest}` }];
  }
  if (list.isFlow) return [{ start: end - 1, end: end - 1, text: `, "results": ${JSON.stringify(results)}` }];
  const newline = text[end - 1] === '\n' ? end - 1 : text.indexOf('\n', end);
  const margin = text.slice(text.lastIndexOf('\n', start - 1) + 1, start).replace(/^\uFEFF/, '');
  const block =
    margin === ''
      ? stringify({ results }, { lineWidth: 0 })
      : `${margin}results: ${JSON.stringify(results)}\n`;
  return newline === -1
    ? [{ start: text.length, end: text.length, text: `\n${block}` }]
    : [{ start: newline + 1, end: newline + 1, text: block }];
}
