import { type Clock, systemClock } from '../../clock.ts';
import { untilAborted } from '../../singleflight.ts';
import { Credential, CredentialError } from '../credential.ts';
import { isUnreachable, messageOf } from './sdk-error.ts';
import { type Cacheable, noIdentity, TokenCache, token } from './token-cache.ts';

/** go-containerregistry pkg/v1/google/auth.go, `cloudPlatformScope`. */
const SCOPE = 'https://www.googleapis.com/auth/cloud-platform';
/** The user name for an access token (Artifact Registry, "Set up authentication for Docker"). */
const USER = 'oauth2accesstoken';
/** An organization can allow up to twelve hours instead of one. */
const LONGEST_LIFE_MS = 12 * 60 * 60 * 1_000;
const SOURCE = 'Google registries';

/**
 * Credentials for Artifact Registry and gcr.io by Google's application default credentials: workload identity, the
 * metadata server, a key file. One access token is valid for all registries. Without an identity there are no
 * credentials, because many of these images are public.
 */
export class GoogleCredentials {
  readonly #clock: Clock;
  readonly #credentials: TokenCache<readonly Credential[]>;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
    this.#credentials = new TokenCache(clock);
  }

  /** @throws CredentialError, or the signal's reason */
  credentials(signal: AbortSignal): Promise<readonly Credential[]> {
    return this.#credentials.get('', signal, (renewal) => untilAborted(this.#obtain(), renewal).catch(fail));
  }

  async #obtain(): Promise<Cacheable<readonly Credential[]>> {
    const { Compute, GoogleAuth, gcpMetadata } = await import('google-auth-library');
    // Without a project the library would look for one, among other ways by running gcloud.
    const auth = new GoogleAuth({ scopes: SCOPE, projectId: 'none' });
    let client: Awaited<ReturnType<typeof auth.getClient>>;
    try {
      client = await auth.getClient();
    } catch (error) {
      if (!isWithoutIdentity(error)) throw error;
      // The library would remember that there is no metadata server. On a new node the server starts after the pod.
      gcpMetadata.resetIsAvailableCache();
      return noIdentity([]);
    }
    // The scopes of the node or of the workload identity are enough, as for the kubelet; to request more may fail.
    if (client instanceof Compute) client.scopes = [];
    const { token: accessToken } = await client.getAccessToken();
    if (!accessToken) throw new Error('the response has no access token');
    const credential = new Credential({
      username: USER,
      password: accessToken,
      source: "tagpin's Google identity",
    });
    const expiry = client.credentials.expiry_date ?? Number.NaN;
    return token([credential], expiry - this.#clock.now(), LONGEST_LIFE_MS);
  }
}

/** google-auth-library src/auth/googleauth.ts, `NO_ADC_FOUND`: an error without a class or code of its own. */
const isWithoutIdentity = (error: unknown) =>
  error instanceof Error && error.message.startsWith('Could not load the default credentials');

function fail(error: unknown): never {
  throw new CredentialError(
    SOURCE,
    `Google gives no access token: ${messageOf(error)}`,
    isUnreachable(error)
      ? 'let tagpin reach the metadata server (169.254.169.254, on GKE 169.254.169.252:988) or where else its identity comes from'
      : "let tagpin's Kubernetes ServiceAccount act by workload identity (annotation iam.gke.io/gcp-service-account, or a principal of its own) with the role roles/artifactregistry.reader",
  );
}
