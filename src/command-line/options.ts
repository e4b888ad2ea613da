import { InvalidArgumentError, Option } from 'commander';
import { parseDuration } from '../duration.ts';

/*
 * The options that commands share: the same name, meaning and wording everywhere.
 */

/** `-o`, with the formats that a command has beside its own. */
export const output = (description: string, ...formats: string[]) =>
  new Option('-o, --output <format>', description).choices(formats);

/** `--docker-config`: who the person is to registries. */
export const dockerConfig = (description = "credentials; without it docker's or Podman's own file") =>
  new Option('--docker-config <file>', description);

/** `--registry-config`: the webhook's own configuration file. */
export const registryConfig = (description = "the webhook's configuration: its registries count here too") =>
  new Option('--registry-config <file>', description);

/** `--kubeconfig` and `--context`, as kubectl has them. */
export const cluster = () => [
  new Option('--kubeconfig <file>', 'how to reach the API server'),
  new Option('--context <name>', 'context of the kubeconfig'),
];

/** `-n`, again for each, and `-A`, as kubectl has them, for a command that is about all of them if none is named. */
export const namespaces = () => [
  new Option('-n, --namespace <name>', 'only this namespace, again for each').argParser(collect),
  new Option('-A, --all-namespaces', 'all namespaces, as without -n'),
];

/** `--timeout`, in milliseconds; `shown` is how its default reads. */
export const timeout = (description: string, milliseconds: number, shown: string) =>
  new Option('--timeout <duration>', description).argParser(parseTimeout).default(milliseconds, shown);

/** `--concurrency`: how many at once. */
export const concurrency = (description: string, byDefault: number) =>
  new Option('--concurrency <number>', description).argParser(parseCount).default(byDefault);

/** An option's parser for one that may be given again and again. */
export function collect(value: string, values: readonly string[] = []): string[] {
  return [...values, value];
}

/** The longest that a timer runs: 24 days. */
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
