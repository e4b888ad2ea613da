import type { DigestInUse, Use } from '../../fleet/digests-in-use.ts';
import { printJson } from '../../json.ts';
import { printTable, shortenDigests } from '../../report/table.ts';
import type { KeepFormat } from './options.ts';

type ListFormat = Exclude<KeepFormat, 'json'>;

const nameOf = ({ repository, digest }: DigestInUse) => `${repository}@${digest}`;

/** What must not be deleted, as those who delete take it. */
export const printers: Readonly<Record<ListFormat, (digests: readonly DigestInUse[]) => string>> = {
  list: (digests) => digests.map((digest) => `${nameOf(digest)}\n`).join(''),
  /** fujiwara/ecrm README, "scan command": a JSON array of image URIs. */
  ecrm: (digests) => printJson(digests.map(nameOf)),
  /** snok/container-retention-policy README, `skip-shas`: digests of whichever repository, comma-separated. */
  'skip-shas': (digests) => `${[...new Set(digests.map(({ digest }) => digest))].join(',')}\n`,
  /** Azure Container Registry, "Lock a container image": a command for each. */
  acr: (digests) => digests.map(lockInAcr).join(''),
};

/** A registry's host in the public cloud or a sovereign one. */
const ACR = /^([a-z0-9]+)(?:-[a-z0-9]+)?\.azurecr\.(?:io|cn|us|de)$/;

/** Whether `-o acr` has a command for it. */
export const isOfAcr = ({ repository }: DigestInUse) => ACR.test(hostOf(repository));

/** A registry's name has no hyphen: what follows one in its host is the hash of a domain name label. */
function lockInAcr({ repository, digest }: DigestInUse): string {
  const host = hostOf(repository);
  const [, name] = ACR.exec(host) ?? [];
  if (name === undefined) return '';
  const image = `${repository.slice(host.length + 1)}@${digest}`;
  return `az acr repository update --name ${name} --image ${image} --delete-enabled false\n`;
}

const hostOf = (repository: string) => repository.slice(0, repository.indexOf('/'));

const reasons: Readonly<Record<Use['why'], string>> = {
  spec: 'its spec names it',
  imageID: 'its node pulled it',
  stored: 'stored for its pods',
  template: 'its template names it',
};

/** For people: a line for each digest, with the first of its uses. */
export function printInUse(digests: readonly DigestInUse[]): string {
  if (digests.length === 0) return '';
  const rows = digests.map(({ repository, digest, uses }) => {
    const [first, ...others] = uses;
    const more = others.length === 0 ? '' : ` and ${others.length} more`;
    return [
      repository,
      shortenDigests(digest),
      first?.namespace ?? '',
      `${first?.by ?? ''}${more}`,
      first === undefined ? '' : reasons[first.why],
    ];
  });
  return printTable(['REPOSITORY', 'DIGEST', 'NAMESPACE', 'NEEDED BY', 'WHY'], rows);
}
