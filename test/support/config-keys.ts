import { z } from 'zod';
import { configSchema } from '../../src/config/schema.ts';

const node = z.looseObject({
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

/** All keys of the configuration that hold a value: `registries.HOST.mirrors[].endpoint`. */
export function configKeys(): string[] {
  const keysOf = (at: string, { properties, items, additionalProperties }: Node): string[] => {
    if (properties !== undefined) {
      return Object.entries(properties).flatMap(([key, below]) =>
        keysOf(at === '' ? key : `${at}.${key}`, below),
      );
    }
    if (items?.properties !== undefined) return keysOf(`${at}[]`, items);
    if (typeof additionalProperties === 'object') return keysOf(`${at}.HOST`, additionalProperties);
    return [at];
  };
  return keysOf('', node.parse(z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' })));
}
