import { run } from '../support/command.ts';
import { missingBinaries, programName } from './binaries.ts';

/** The reasons why the tests can't run on this machine, one sentence each; none if they can. */
export async function obstacles({ kind }: { readonly kind: boolean }): Promise<string[]> {
  const found: string[] = [];
  const has = async (...command: string[]) => (await run(command)).code === 0;
  if (process.platform !== 'linux') found.push(`this is ${process.platform}, and a cluster needs Linux`);
  else if (process.getuid?.() !== 0) found.push('this user is not root, who alone can start a cluster');
  const toBuild = kind ? missingBinaries(programName.options) : missingBinaries();
  if (toBuild.length > 0 && !(await has('go', 'version')))
    found.push(`Go is not installed, and ${toBuild.join(', ')} would have to be built`);
  if (kind && !(await has('docker', 'version'))) found.push('Docker does not answer');
  if (kind && !(await has('kind', 'version'))) found.push('kind is not installed');
  return found;
}
