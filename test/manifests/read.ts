import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';

const manifests = join(import.meta.dirname, '../../manifests');
const read = (file: string) => readFileSync(join(manifests, file), 'utf8');
const kinded = z.looseObject({ kind: z.string() });

/** The object of that kind in a file of the manifests. */
export function readManifest<Value>(file: string, kind: string, schema: z.ZodType<Value>): Value {
  const documents = parseAllDocuments(read(file));
  const objects = documents.map((document) => kinded.parse(document.toJS()));
  return schema.parse(objects.find((object) => object.kind === kind));
}

/** What a file of the manifests has that is no object, such as a patch. */
export const readPatch = <Value>(file: string, schema: z.ZodType<Value>): Value =>
  schema.parse(parse(read(file)));

export const namespaceSelector = z.object({
  matchExpressions: z.array(z.object({ key: z.string(), operator: z.string(), values: z.array(z.string()) })),
});
