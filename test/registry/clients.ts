import type { LookupFunction } from 'node:net';
import { Credential } from '../../src/credentials/credential.ts';
import { parseReference } from '../../src/image/reference.ts';
import { RegistryClient } from '../../src/registry/client.ts';
import { Endpoints } from '../../src/registry/endpoint.ts';
import { RegistryError } from '../../src/registry/error.ts';
import type { Descriptor } from '../../src/registry/manifest.ts';

export const patient = () => AbortSignal.timeout(10_000);

/** Finds every name on this machine, so that servers here can be called what they aren't. */
export const everythingIsHere: LookupFunction = (_hostname, options, callback) => {
  if (options.all) callback(null, [{ address: '127.0.0.1', family: 4 }]);
  else callback(null, '127.0.0.1', 4);
};

/** A client that speaks plain HTTP to the given hosts, whatever they are called. */
export function clientFor(...hosts: string[]): RegistryClient {
  const settings = new Map(hosts.map((host) => [host, { plainHttp: true }]));
  return new RegistryClient(new Endpoints(settings, everythingIsHere));
}

export const user = (username: string, password = 'secret') =>
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
    if (error instanceof RegistryError) return error;
    throw error;
  }
}
