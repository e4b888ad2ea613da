import { serverName } from '../certificate/certificate-store.ts';
import { MountedCertificate, MountedCertificateError } from '../certificate/mounted-certificate.ts';
import { InvalidConfig, Mistakes } from '../config/invalid-config.ts';
import { type Config, loadConfig } from '../config.ts';
import { type ExitCode, exitCode } from '../console/exit.ts';
import type { CommandContext } from '../console/runtime.ts';

/**
 * `tagpin serve --check`: validates what `tagpin serve` reads when it starts, without starting it: the configuration, the
 * files that it names, and the environment.
 *
 * @param path a file or a folder; undefined for the defaults
 * @param openContext throws InvalidConfig for a mistake in the environment
 * @throws InvalidConfig with all mistakes
 */
export async function checkConfig(
  path: string | undefined,
  openContext: () => CommandContext,
): Promise<ExitCode> {
  const mistakes = new Mistakes();
  const config = mistakes.collect(() => loadConfig(path));
  const context = mistakes.collect(openContext);
  const fault = config && context && (await faultOfCertificate(config, context.environment.namespace));
  mistakes.collect(() => {
    if (fault !== undefined) throw new InvalidConfig(path ?? '', [`webhook.certificate: ${fault}`]);
  });
  mistakes.throwIfAny();
  context?.terminal.out(`${path ?? 'the default configuration'} is valid\n`);
  return exitCode.done;
}

/** What keeps a mounted certificate from being served; undefined if nothing does, or if tagpin creates its own. */
async function faultOfCertificate({ webhook }: Config, namespace: string): Promise<string | undefined> {
  if (webhook.certificate === undefined) return undefined;
  const name = serverName({ ...webhook, namespace });
  try {
    await new MountedCertificate(webhook.certificate, name, Date.now).current();
    return undefined;
  } catch (error) {
    if (error instanceof MountedCertificateError) return `${error.message}; mount a valid one for ${name}`;
    throw error;
  }
}
