import { z } from 'zod';

const record = z.record(z.string(), z.unknown());

/** The value with the part at a JSON pointer replaced. */
export function replaceAt(value: unknown, pointer: string, by: unknown): unknown {
  if (pointer === '') return by;
  const [head, rest] = splitPointer(pointer);
  if (Array.isArray(value)) {
    return value.map((item, index) => (String(index) === head ? replaceAt(item, rest, by) : item));
  }
  const object = record.safeParse(value);
  if (!object.success) return value;
  return { ...object.data, [head]: replaceAt(object.data[head], rest, by) };
}

/** What was written, with what is live at a JSON pointer. Items of lists are the same if their names are. */
export function including(written: unknown, live: unknown, pointer: string): unknown {
  if (pointer === '') return live;
  const [head, rest] = splitPointer(pointer);
  if (Array.isArray(live)) {
    const item: unknown = live[Number(head)];
    const list: unknown[] = Array.isArray(written) ? written : [];
    const own = { name: memberOf(item, 'name') };
    const index = list.findIndex((one) => memberOf(one, 'name') === own.name);
    const next = including(index < 0 ? own : list[index], item, rest);
    return index < 0 ? [...list, next] : list.with(index, next);
  }
  const object = record.safeParse(written);
  const known = object.success ? object.data : {};
  return { ...known, [head]: including(known[head], memberOf(live, head), rest) };
}

function memberOf(value: unknown, name: string): unknown {
  const object = record.safeParse(value);
  return object.success ? object.data[name] : undefined;
}

function splitPointer(pointer: string): [string, string] {
  const [, head = '', rest = ''] = /^\/([^/]*)(.*)$/s.exec(pointer) ?? [];
  return [head, rest];
}
