import { z } from 'zod';
import { configSchema } from '../../src/config/schema.ts';

const valuesSchema = z.looseObject({ properties: z.looseObject({ config: z.unknown() }) });

/** The schema of the chart's values with its `config` as the schema of the configuration has it; the rest stays. */
export function withConfigSchema(text: string): unknown {
  const values = valuesSchema.parse(JSON.parse(text));
  const { $schema: _, ...config } = configJsonSchema();
  const description = "tagpin's configuration file: docs/configuration.md";
  return { ...values, properties: { ...values.properties, config: { description, ...config } } };
}

/** The configuration's JSON Schema, in the draft that Helm and editors read. */
export function configJsonSchema() {
  return z.toJSONSchema(configSchema, {
    io: 'input',
    unrepresentable: 'any',
    target: 'draft-7',
    override: ({ jsonSchema }) => {
      delete jsonSchema['written'];
    },
  });
}
