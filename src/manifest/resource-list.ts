import { isMap, stringify } from 'yaml';
import type { Manifest } from './document.ts';
import { childOf, type MaybeNode, memberOf, nodeAt, type ObjectName, stringOf } from './objects.ts';
import { type Edit, endOfLine } from './splice.ts';

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
  const textAt = (name: string) =>
    stringOf(document, childOf(document, document.contents ?? undefined, name));
  return (
    textAt('kind') === 'ResourceList' && (textAt('apiVersion') ?? '').startsWith('config.kubernetes.io/')
  );
}

/** The function's configuration; undefined if there is none. */
export function functionConfigOf({ documents: [document] }: Manifest): unknown {
  if (document === undefined) return undefined;
  const node = childOf(document, document.contents ?? undefined, 'functionConfig');
  return node?.toJS(document, { maxAliasCount: 100 });
}

/** The file of an object, by the annotations of the orchestrator. */
export function fileOf(manifest: Manifest, pointer: string): FunctionResult['file'] {
  const [document] = manifest.documents;
  if (document === undefined) return undefined;
  const object = nodeAt(document, document.contents ?? undefined, pointer);
  const annotations = childOf(document, childOf(document, object, 'metadata'), 'annotations');
  const noted = (name: string) =>
    stringOf(document, childOf(document, annotations, `internal.config.kubernetes.io/${name}`)) ??
    stringOf(document, childOf(document, annotations, `config.kubernetes.io/${name}`));
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
  const list: MaybeNode = document?.contents ?? undefined;
  if (document === undefined || !isMap(list) || !list.range || results.length === 0) return [];
  const { text } = manifest;
  const [start, end] = list.range;
  const earlier = memberOf(document, list, 'results')?.pair;
  if (earlier !== undefined) {
    const before = nodeAt(document, list, '/results');
    const value: unknown = before?.toJS(document);
    const all = JSON.stringify([...(Array.isArray(value) ? value : []), ...results]);
    if (!before?.range) return [];
    const source = text.slice(before.range[0], before.range[1]);
    const rest = source.endsWith('\n') ? endOfLine(text, before.range[0]) : '';
    // A block list may be indented no further than its key, but a flow list may not.
    const gap = /[:\n]/.test(text[before.range[0] - 1] ?? '') ? ' ' : '';
    return [{ start: before.range[0], end: before.range[1], text: `${gap}${all}${rest}` }];
  }
  if (list.flow) return [{ start: end - 1, end: end - 1, text: `, "results": ${JSON.stringify(results)}` }];
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
