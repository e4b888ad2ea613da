import { stringify } from 'yaml';
import { z } from 'zod';
import { configSchema } from '../../src/config/schema.ts';

/** What JSON Schema says of a key, as far as the page shows it. `written` is said by the schema where a type says too little. */
const node = z.looseObject({
  type: z.union([z.string(), z.array(z.string())]).optional(),
  written: z.string().optional(),
  description: z.string().optional(),
  default: z.unknown().optional(),
  enum: z.array(z.string()).optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  get properties() {
    return z.record(z.string(), node).optional();
  },
  get items() {
    return node.optional();
  },
  get additionalProperties() {
    return z.union([z.boolean(), node]).optional();
  },
});
type Node = z.infer<typeof node>;

const START = '<!-- from the schema, by `npm run docs` -->';
const END = '<!-- end -->';

/** The page with its tables as the schema has them; what is around them stays. */
export function configurationPage(page: string): string {
  const [before, after] = [page.indexOf(START), page.indexOf(END)];
  if (before === -1 || after < before) throw new Error(`the page has no ${START} and ${END}`);
  return `${page.slice(0, before + START.length)}\n\n${tables()}\n\n${page.slice(after)}`;
}

/** A table for each group of keys. */
function tables(): string {
  const { properties = {} } = node.parse(
    z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }),
  );
  const isGroup = ({ type }: Node) => type === 'object';
  const groups = Object.entries(properties).filter(([, group]) => isGroup(group));
  const alone = Object.fromEntries(Object.entries(properties).filter(([, key]) => !isGroup(key)));
  return [
    ...groups.map(([key, group]) => `### ${key}\n\n${table(rows(key, group))}`),
    `### The rest\n\n${table(rows('', { properties: alone }))}`,
  ].join('\n\n');
}

interface Row {
  key: string;
  type: string;
  default: string;
  meaning: string;
}

/** A row for each key at or below `at`. */
function rows(at: string, of: Node): Row[] {
  const below = of.properties ?? {};
  if (typeof of.additionalProperties === 'object') return rows(`${at}.HOST`, of.additionalProperties);
  const isInner = of.description !== undefined && Object.keys(below).length > 0;
  if (Object.keys(below).length === 0)
    return [row(at, of), ...(of.items?.properties ? rows(`${at}[]`, of.items) : [])];
  const inner = Object.entries(below).flatMap(([key, value]) =>
    rows(at === '' ? key : `${at}.${key}`, value),
  );
  return isInner ? [row(at, of), ...inner] : inner;
}

function row(key: string, of: Node): Row {
  return {
    key,
    type: typeOf(of),
    default:
      of.default === undefined
        ? ''
        : `\`${stringify(of.default, { collectionStyle: 'flow', flowCollectionPadding: false }).trim()}\``,
    meaning: of.description ?? '',
  };
}

function typeOf({ written, enum: values, type, minimum, maximum, items, properties }: Node): string {
  if (written !== undefined) return written;
  if (values !== undefined) return values.map((value) => `\`${value}\``).join(', ');
  if (type === 'array') return items?.properties ? 'list' : `list of ${items ? typeOf(items) : 'text'}`;
  if (type === 'integer') return `${minimum} to ${maximum}`;
  if (type === 'boolean') return '`true`, `false`';
  return type === 'string' ? 'text' : properties ? 'mapping' : String(type ?? '');
}

function table(rows: readonly Row[]): string {
  const lines = rows.map(
    (row) => `| \`${row.key}\` | ${row.type} | ${row.default} | ${row.meaning.replaceAll('|', '\\|')} |`,
  );
  return ['| key | value | default | |', '|---|---|---|---|', ...lines].join('\n');
}
