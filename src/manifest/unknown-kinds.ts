import { InvalidReference, parseReference } from '../image/reference.ts';
import { groupOf, type ManifestObject, toSegment } from './objects.ts';
import { keyText, type Node, stringValue } from './yaml/node.ts';

/** A field of a kind that tagpin doesn't know, with what looks like an image by tag. */
export interface PassedBy {
  /** As `--image-field` takes it: `App.example.com:spec/image`. */
  field: string;
  /** JSON pointer in the object. */
  pointer: string;
  image: string;
}

/** Kubernetes' own groups have no images in other places, and their CustomResourceDefinitions have schemas of such. */
const isCustom = (group: string) => group.includes('.') && !/(^|\.)k8s\.io$/.test(group);

/** Fields of a custom resource that look like images by tag. Aliases aren't followed, so that it takes linear time. */
export function imagesPassedBy({ apiVersion, kind, node }: ManifestObject): PassedBy[] {
  const group = groupOf(apiVersion);
  if (!isCustom(group) || node === undefined) return [];
  const found: PassedBy[] = [];
  const visit = (child: Node, path: string, pointer: string) => {
    if (child.type === 'sequence') {
      child.items.forEach((item, index) => {
        visit(item, path.endsWith('[]') ? path : `${path}[]`, `${pointer}/${index}`);
      });
    }
    if (child.type !== 'mapping') return;
    for (const { key, value } of child.pairs) {
      const name = keyText(key) ?? '';
      const segment = name.replaceAll('/', '\\/');
      const at = pointer + toSegment(name);
      const text = value.type === 'scalar' ? stringValue(value) : undefined;
      if (text === undefined) visit(value, path === '' ? segment : `${path}/${segment}`, at);
      else if (/(^i|I)mage$/.test(name) && isByTag(text))
        found.push({
          field: `${kind}.${group}:${path === '' ? '' : `${path}/`}${segment}`,
          pointer: at,
          image: text,
        });
    }
  };
  visit(node, '', '');
  return found;
}

/** Whether a text is an image by tag, beyond doubt: `web` may be anything. */
function isByTag(text: string): boolean {
  if (!/[/:]/.test(text)) return false;
  try {
    return parseReference(text).digest === undefined;
  } catch (error) {
    if (error instanceof InvalidReference) return false;
    throw error;
  }
}
