import type { LookupFunction } from 'node:net';
import type { Registries, RegistrySettings } from '../../src/config/registry-settings.ts';
import { Credential } from '../../src/credentials/credential.ts';
import { parseReference } from '../../src/image/reference.ts';
import { RegistryClient } from '../../src/registry/client.ts';
import { Endpoints, type EndpointsOptions } from '../../src/registry/endpoint.ts';
import { RegistryError } from '../../src/registry/error.ts';
import type { Descriptor } from '../../src/registry/manifest.ts';
import { isInternal } from '../../src/registry/private-address.ts';
import { saidError } from '../support/secrets/record.ts';

export const patient = () => AbortSignal.timeout(10_000);

/** Finds every name on this machine, so that servers here can be called what they aren't. */
export const everythingIsHere: LookupFunction = (_hostname, options, callback) => {
  if (options.all) callback(null, [{ address: '127.0.0.1', family: 4 }]);
  else callback(null, '127.0.0.1', 4);
};

/**
 * A client whose registries are all here: to its guards, 127.0.0.1 is as public as any address, and only what else is
 * inside is inside. A literal 127.0.0.1 stays what it is.
 */
export function clientWith(
  settings: Readonly<Record<string, RegistrySettings>>,
  { defaults, ...options }: EndpointsOptions & Pick<Registries, 'defaults'> = {},
): RegistryClient {
  const registries = { settings: new Map(Object.entries(settings)), defaults };
  return new RegistryClient(
    new Endpoints(() => registries, {
      lookup: everythingIsHere,
      isInternal: (address) => address !== '127.0.0.1' && isInternal(address),
      ...options,
    }),
  );
}

/** A client that speaks plain HTTP to the given hosts, whatever they are called. */
export function clientFor(...hosts: string[]): RegistryClient {
  return clientWith(Object.fromEntries(hosts.map((host) => [host, { plainHttp: true }])));
}

export const user = (username: string, password = 'correct-horse') =>
  new Credential({ username, password, source: 'test' });

/** The descriptor, or the error. */
export async function tryResolve(
  client: RegistryClient,
  image: string,
  credential?: Credential,
): Promise<Descriptor | RegistryError> {
  try {
    return await client.resolve(parseReference(image), credential, patient());
  } catch (error) {
    saidError('an error', error);
    if (error instanceof RegistryError) return error;
    throw error;
  }
}
