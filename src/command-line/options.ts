import { type Command, InvalidArgumentError, Option } from 'commander';
import { WrongUse } from '../console/exit.ts';
import type { Runtime } from '../console/runtime.ts';
import { parseDuration } from '../duration.ts';
import { excerpt } from '../image/excerpt.ts';

/** Declares one subcommand: its arguments, options and help. Its implementation is loaded only when it runs. */
export type Declare = (program: Command, runtime: Runtime) => void;

/*
 * The options that commands share, with the same name and meaning everywhere.
 */

/** `-o`, with a command's formats besides its default. */
export const output = (description: string, ...formats: string[]) =>
  new Option('-o, --output <format>', description).choices(formats);

/** `--docker-config`: the person's credentials for registries. */
export const dockerConfig = (
  description = "registry credentials; by default docker's or Podman's own file",
) => new Option('--docker-config <file>', description);

/** `--registry-config`: the webhook's configuration file, which a variable can name for all commands. */
export const registryConfig = (description = "the webhook's configuration, for its registries") =>
  new Option('--registry-config <file>', description).env('TAGPIN_REGISTRY_CONFIG');

/** `--kubeconfig` and `--context`, as kubectl has them. */
export const cluster = () => [
  new Option('--kubeconfig <file>', 'the kubeconfig file'),
  new Option('--context <name>', 'context of the kubeconfig'),
];

/** `-n`, as kubectl has it. */
export const namespace = (description: string) =>
  new Option('-n, --namespace <name>', description).argParser(parseNamespace);

/** `-n`, which may be repeated, and `-A`, for a command whose default is all namespaces. */
export const namespaces = () => [
  new Option('-n, --namespace <name>', 'only this namespace; may be repeated').argParser(
    (name: string, before?: readonly string[]) => collect(parseNamespace(name), before),
  ),
  new Option('-A, --all-namespaces', 'all namespaces, the default'),
];

/** `--timeout`, in milliseconds; help shows the default as `shown`. */
export const timeout = (description: string, milliseconds: number, shown: string) =>
  duration('--timeout <duration>', description, milliseconds, shown);

/** An option with a duration, in milliseconds; help shows the default as `shown`. */
export const duration = (flags: string, description: string, milliseconds: number, shown: string) =>
  new Option(flags, description).argParser(parseTimeout).default(milliseconds, shown);

/** `--concurrency`: the number at a time. */
export const concurrency = (description: string, byDefault?: number) => {
  const option = new Option('--concurrency <number>', description).argParser(parseCount);
  return byDefault === undefined ? option : option.default(byDefault);
};

/** Adds the meanings of a command's exit codes to its help. */
export function exitCodes(
  command: Command,
  meanings: { 0: string; 1?: string; 3: string; 4?: string },
): Command {
  const told = Object.entries({ ...meanings, 2: 'wrong use' })
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([code, meaning]) => `${code} ${meaning}`);
  return command.addHelpText('after', `\nExit codes: ${told.join(', ')}.`);
}

/** Makes a command's options refuse an empty value. */
export function refuseEmpty(command: Command): void {
  for (const option of command.options.filter(({ required }) => required)) {
    const parse = option.parseArg;
    option.argParser((value: string, before: unknown) => {
      const parsed: unknown = parse === undefined ? value : parse(value, before);
      if (value !== '') return parsed;
      // In `--lock "$LOCK"`, an empty value is an unset variable and never meant.
      const [, placeholder = 'value'] = /<(.+)>/.exec(option.flags) ?? [];
      throw new WrongUse(empty(option.long ?? option.flags, `a ${placeholder}`));
    });
  }
}

/** The message for an option with an empty value. */
export const empty = (flag: string, needed: string) =>
  `${flag} is given an empty text, perhaps by a variable that isn't set; it needs ${needed}`;

/** A parser for an option that may be repeated. */
export function collect(value: string, values: readonly string[] = []): string[] {
  return [...values, value];
}

/** A DNS label (apimachinery pkg/api/validation, `ValidateNamespaceName`). */
const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** @throws WrongUse for an invalid namespace name */
export function parseNamespace(name: string): string {
  if (NAMESPACE.test(name)) return name;
  throw new WrongUse(`"${excerpt(name)}" can't be a namespace's name; write it as kubectl lists it`);
}

/**
 * The namespace of a command, from its argument or from `-n`.
 *
 * @throws WrongUse for none, or for two different ones
 */
export function chosenNamespace(
  command: Command,
  argument: string | undefined,
  option: string | undefined,
): string {
  const name = argument ?? option;
  if (name === undefined) {
    throw new WrongUse(`name the namespace: tagpin ${command.name()} NAMESPACE`);
  }
  if (option !== undefined && option !== name) {
    throw new WrongUse(
      `the argument says namespace ${name}, and --namespace says ${option}; give one of them`,
    );
  }
  return name;
}

/** The longest time of a timer: 24 days. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

function parseTimeout(text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds === undefined || milliseconds <= 0) {
    throw new InvalidArgumentError('Write a duration above 0, such as 30s or 2m.');
  }
  return Math.min(Math.ceil(milliseconds), LONGEST_TIMEOUT_MS);
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!/^[0-9]+$/.test(text) || count < 1 || count > 1000) {
    throw new InvalidArgumentError('Write a number from 1 to 1000.');
  }
  return count;
}
