import { describe, expect, test } from 'vitest';
import { CredentialError } from '../../src/credentials/credential.ts';
import { InvalidDockerConfig } from '../../src/credentials/docker-config.ts';
import { InvalidReference, parseReference } from '../../src/image/reference.ts';
import { KubernetesError } from '../../src/kubernetes/error.ts';
import { errorFromResponse, RegistryError } from '../../src/registry/error.ts';
import { type AtHand, explain } from '../../src/resolve/failure.ts';
import { user } from '../registry/clients.ts';

const url = new URL('https://registry.example.com/v2/app/manifests/1');
const none: AtHand = { credentials: [], failures: [], secrets: undefined };
/** Pull secrets of these names, none of which can be used. */
const secrets = (names: { missing?: string[]; broken?: string[]; opaque?: string[] }) => {
  const { missing = [], broken = [], opaque = [] } = names;
  const about = (name: string) => ({ namespace: 'team', name, type: 'Opaque' });
  const error = new InvalidDockerConfig('json', 'it is no JSON');
  const keyring = {
    lookup: () => [],
    broken: broken.map((name) => ({ secret: about(name), reason: error.reason, error })),
    ofOtherTypes: opaque.map(about),
  };
  return { missing, keyring };
};

test('an absent tag says so, with the registry’s own code', () => {
  const body = '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}';
  expect(explain(errorFromResponse(url, { status: 404, body }))).toEqual({
    label: 'not_found',
    cause: 'not found (404 MANIFEST_UNKNOWN)',
    remedy: 'push the tag or correct the image',
  });
});

test.each([
  ['nothing matches', none, 'no pull secret matches this registry; add one, or correct the image'],
  [
    'a secret is missing',
    { ...none, secrets: secrets({ missing: ['regcred'] }) },
    'pull secret "regcred" doesn\'t exist; create it or correct imagePullSecrets',
  ],
  [
    'a secret is broken',
    { ...none, secrets: secrets({ broken: ['regcred'] }) },
    'pull secret "regcred" can\'t be read; create it anew',
  ],
  [
    'a secret has another type',
    { ...none, secrets: secrets({ opaque: ['regcred'] }) },
    'pull secret "regcred" has type "Opaque", which the kubelet passes over; create it as kubernetes.io/dockerconfigjson',
  ],
  [
    'a credential was refused',
    { ...none, credentials: [user('ada')], secrets: secrets({ opaque: ['regcred'] }) },
    'correct the credentials in test, or the image',
  ],
  ['nothing matches at a command line', { ...none, remedyWithout: 'log in' }, 'log in'],
])('a refusal when %s tells what to mend', (_when, atHand, remedy) => {
  expect(explain(errorFromResponse(url, { status: 401, body: '' }), atHand).remedy).toBe(remedy);
});

test('a refusal that asks for no login is not blamed on the credentials, which were not sent', () => {
  const error = errorFromResponse(url, { status: 401, body: '', isUnchallenged: true });
  const { remedy } = explain(error, { ...none, credentials: [user('ada')] });
  expect(remedy).toMatch(/^the registry doesn't say how to log in \(401 without WWW-Authenticate\)/);
});

describe('a source that should have had a credential', () => {
  const failure = new CredentialError(
    'credential helper docker-credential-x',
    "docker-credential-x isn't installed",
    'install it',
  );
  const at = { ...none, secrets: secrets({ missing: ['regcred'] }), failures: [failure] };
  const told = "docker-credential-x isn't installed";

  test('is told with a refusal, and is what to mend', () => {
    expect(explain(errorFromResponse(url, { status: 401, body: '' }), at)).toEqual({
      label: 'unauthorized',
      cause: `access refused (401); ${told}`,
      remedy: 'install it',
    });
  });

  test('is told with what has another remedy', () => {
    expect(explain(errorFromResponse(url, { status: 404, body: '' }), at)).toMatchObject({
      cause: `not found (404); ${told}`,
      remedy: 'push the tag or correct the image',
    });
  });

  test('is the failure itself where it used up all the time', () => {
    expect(explain(failure)).toEqual({ label: 'credentials', cause: told, remedy: 'install it' });
  });
});

test('Secrets that may not be read name the permission', () => {
  const error = new KubernetesError('secrets "x" is forbidden: User "tagpin" cannot get resource "secrets"', {
    status: 403,
    reason: 'Forbidden',
  });
  expect(explain(error)).toMatchObject({
    label: 'kubernetes_forbidden',
    cause: expect.stringContaining('cannot get resource "secrets"'),
  });
});

test("a token that the API server doesn't accept is the ServiceAccount's", () => {
  const details = { status: 401, reason: 'Unauthorized' };
  expect(explain(new KubernetesError('GET /api/v1/…: Unauthorized', details)).remedy).toBe(
    "the API server doesn't accept the token of tagpin's ServiceAccount: restart tagpin, or look at that token",
  );
});

test('a deadline reads as the registry not answering in time', () => {
  expect(explain(new DOMException('', 'TimeoutError')).label).toBe('timeout');
});

test('an invalid reference keeps its own message', () => {
  try {
    parseReference('NGINX');
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidReference);
    expect(explain(error).cause).toContain('NGINX');
  }
  expect.assertions(2);
});

test('an unexpected error is reported without its text', () => {
  expect(explain(new TypeError('password is secret'))).toMatchObject({
    label: 'internal',
    cause: 'tagpin failed',
  });
});

test('every failure has a cause and a remedy', () => {
  expect(explain(new RegistryError('untrusted', 'the certificate has expired'))).toMatchObject({
    cause: "the registry isn't trusted (the certificate has expired)",
  });
});
