import { untilAborted } from '../../singleflight.ts';
import { Credential } from '../credential.ts';
import { CredentialError, type CredentialSource } from '../source.ts';
import { explain, isUnreachable } from './explain.ts';
import { hostOf, isGoogleRegistry } from './hosts.ts';
import { absence, type Clock, type Perishable, Refreshing, systemClock, token } from './refreshing.ts';

/** As go-containerregistry asks for (pkg/v1/google/auth.go, `cloudPlatformScope`). */
const SCOPE = 'https://www.googleapis.com/auth/cloud-platform';
/** The user that goes with an access token (Artifact Registry, "Set up authentication for Docker"). */
const USER = 'oauth2accesstoken';
/** Longer than an hour takes an exception by the organization, up to twelve. */
const LONGEST_LIFE_MS = 12 * 60 * 60 * 1_000;
const SOURCE = 'Google registries';

/**
 * Credentials for Artifact Registry and gcr.io by Google's application default credentials: workload identity, the
 * metadata server, a key file. One access token is good for all of them. Without an identity there are none, because
 * many of these images are public.
 */
export class GoogleCredentials implements CredentialSource {
  readonly #clock: Clock;
  readonly #outcomes: Refreshing<readonly Credential[]>;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
    this.#outcomes = new Refreshing(clock);
  }

  async credentials(repository: string, signal: AbortSignal): Promise<readonly Credential[]> {
    if (!isGoogleRegistry(hostOf(repository))) return [];
    return this.#outcomes.get('', signal, (renewal) => untilAborted(this.#obtain(), renewal).catch(fail));
  }

  async #obtain(): Promise<Perishable<readonly Credential[]>> {
    const { Compute, GoogleAuth, gcpMetadata } = await import('google-auth-library');
    // A project isn't needed, but would be looked for: by running gcloud, among other ways.
    const auth = new GoogleAuth({ scopes: SCOPE, projectId: 'none' });
    let client: Awaited<ReturnType<typeof auth.getClient>>;
    try {
      client = await auth.getClient();
    } catch (error) {
      if (!isWithoutIdentity(error)) throw error;
      // The library would remember that there is no metadata server, which on a new node comes up after the pod.
      gcpMetadata.resetIsAvailableCache();
      return absence([]);
    }
    // Whatever the node or the workload identity has will do, as it does for the kubelet; asking for more may fail.
    if (client instanceof Compute) client.scopes = [];
    const { token: accessToken } = await client.getAccessToken();
    if (!accessToken) throw new Error('the answer holds no access token');
    const credential = new Credential({
      username: USER,
      password: accessToken,
      source: "tagpin's Google identity",
    });
    const expiry = client.credentials.expiry_date ?? Number.NaN;
    return token([credential], expiry - this.#clock.now(), LONGEST_LIFE_MS);
  }
}

/** google-auth-library src/auth/googleauth.ts, `NO_ADC_FOUND`: it has no class or code. */
const isWithoutIdentity = (error: unknown) =>
  error instanceof Error && error.message.startsWith('Could not load the default credentials');

function fail(error: unknown): never {
  throw new CredentialError(
    SOURCE,
    `Google gives no access token: ${explain(error)}`,
    isUnreachable(error)
      ? 'let tagpin reach the metadata server (169.254.169.254, on GKE 169.254.169.252:988) or where else its identity comes from'
      : "let tagpin's Kubernetes ServiceAccount act by workload identity (annotation iam.gke.io/gcp-service-account, or a principal of its own) with the role roles/artifactregistry.reader",
  );
}
