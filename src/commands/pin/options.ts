import { z } from 'zod';
import type { AskerOptions } from '../../access/lookups.ts';
import { keyPath } from '../../config/key-path.ts';
import { WrongUse } from '../../console/exit.ts';
import { parseDuration } from '../../duration.ts';
import { type FieldSpec, fieldSpecSchema } from '../../manifest/field-spec.ts';

export interface PinOptions extends AskerOptions {
  inPlace?: boolean | undefined;
  /** A folder to write to, and a format of a report in place of the manifests. */
  output?: string[] | undefined;
  lock?: string | undefined;
  frozen?: boolean | undefined;
  /** Images to resolve again, as written; `true` for all. */
  update?: true | string[] | undefined;
  check?: boolean | undefined;
  unpin?: boolean | undefined;
  pullPolicy?: boolean | undefined;
  /** The default. */
  keepTag?: boolean | undefined;
  dropTag?: boolean | undefined;
  /** Where custom resources have images: `Kind.group:path`. */
  imageField?: string[] | undefined;
  /** A kustomize configuration file with the same. */
  fieldSpecs?: string | undefined;
  /** The same from a function's configuration. */
  imageFields?: FieldSpec[] | undefined;
  /** Milliseconds for everything. */
  timeout: number;
  /** Requests at a time to one registry, instead of the configuration's number. */
  concurrency?: number | undefined;
  registryConfig?: string | undefined;
}

/** @throws WrongUse for options that exclude each other or need another one */
export function checkOptions(options: PinOptions): void {
  const given = (name: keyof PinOptions) => options[name] !== undefined && options[name] !== false;
  const modes = (['check', 'unpin', 'frozen', 'update'] as const).filter(given);
  if (modes.length > 1) {
    throw new WrongUse(`${modes.map((name) => `--${name}`).join(' and ')} exclude each other; keep one`);
  }
  const needing = (['unpin', 'frozen', 'update'] as const).find(given);
  if (needing !== undefined && !given('lock')) {
    throw new WrongUse(`--${needing} is about what a lock file remembers; add --lock FILE`);
  }
  if (given('keepTag') && given('dropTag')) {
    throw new WrongUse('--keep-tag and --drop-tag exclude each other; keep one');
  }
  const folders = foldersOf(options);
  if (folders.length > 1)
    throw new WrongUse(`--output names several folders: ${folders.join(', ')}; keep one`);
  const format = folders.find((folder) => FORMATS.has(folder));
  if (format !== undefined) {
    throw new WrongUse(
      `-o ${format}: pin prints manifests as they are written, or a report with -o json, github or sarif; for a folder of that name, write ./${format}`,
    );
  }
  if (given('inPlace') && folders.length > 0) {
    throw new WrongUse('--in-place and --output exclude each other; keep one');
  }
  if (given('check') && (given('inPlace') || folders.length > 0)) {
    throw new WrongUse('--check writes nothing; leave out --in-place and --output');
  }
}

/** What other commands, or kubectl, print with `-o`. */
const FORMATS = new Set(
  'yaml,yml,JSON,YAML,text,table,wide,name,csv,html,md,markdown,jsonpath,template,go-template,custom-columns,junit,xml,policyreport,openreports'.split(
    ',',
  ),
);

/** What is printed in place of manifests. */
export const reportFormats = ['json', 'github', 'sarif'] as const;
type ReportFormat = (typeof reportFormats)[number];

const isReport = (value: string): value is ReportFormat => reportFormats.some((format) => format === value);

const foldersOf = ({ output = [] }: PinOptions) => output.filter((value) => !isReport(value));

/** The folder to write to, if there is one. */
export const outputFolder = (options: PinOptions): string | undefined => foldersOf(options)[0];

/** Whether manifests go to standard output, where they become one stream. */
export const printsManifests = (options: PinOptions) =>
  !options.inPlace &&
  !options.check &&
  outputFolder(options) === undefined &&
  reportFormat(options) === undefined;

/** The report to print, if any; of several the last. */
export const reportFormat = ({ output = [] }: PinOptions): ReportFormat | undefined =>
  output.filter(isReport).at(-1);

/** `true` or `"true"`, because a ConfigMap has only strings. */
const flag = z.union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')]);
const count = z.coerce.number().int().min(1).max(1000);
const duration = z.string().transform((text, context) => {
  const milliseconds = parseDuration(text);
  if (milliseconds !== undefined && milliseconds > 0) return milliseconds;
  context.addIssue({ code: 'custom', message: 'write a duration above 0, such as 30s or 2m' });
  return z.NEVER;
});

/** The options that apply to a function, in camel case. */
const functionOptionsSchema = z.strictObject({
  lock: z.string().min(1).optional(),
  frozen: flag.optional(),
  check: flag.optional(),
  pullPolicy: flag.optional(),
  keepTag: flag.optional(),
  dropTag: flag.optional(),
  imageFields: z.array(fieldSpecSchema).optional(),
  fieldSpecs: z.string().min(1).optional(),
  dockerConfig: z.string().min(1).optional(),
  registryConfig: z.string().min(1).optional(),
  timeout: duration.optional(),
  concurrency: count.optional(),
});

type FunctionOptions = z.infer<typeof functionOptionsSchema>;

const functionConfigSchema = z
  .object({
    spec: functionOptionsSchema.nullish(),
    /** Of a ConfigMap. */
    data: functionOptionsSchema.nullish(),
  })
  .nullish();

/**
 * The options in a function's configuration: its `spec`, or a ConfigMap's `data`.
 *
 * @throws WrongUse with all that is wrong in it
 */
export function readFunctionConfig(functionConfig: unknown): FunctionOptions {
  const parsed = functionConfigSchema.safeParse(functionConfig);
  if (parsed.success) {
    const options = { ...parsed.data?.data, ...parsed.data?.spec };
    // From before tags were kept by default.
    return options.keepTag === false ? { ...options, dropTag: options.dropTag ?? true } : options;
  }
  const problems = parsed.error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map(
          (key) => `  ${keyPath([...issue.path, key])}: no such option; remove it or correct its name`,
        )
      : [`  ${keyPath(issue.path)}: ${issue.message}`],
  );
  throw new WrongUse(`functionConfig is not valid:\n${problems.join('\n')}`);
}
