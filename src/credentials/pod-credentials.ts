import type { CredentialSources, FoundCredentials } from './credential-sources.ts';
import type { BrokenSecret } from './keyring.ts';
import type { PullCredentials, PullIdentity } from './pull-secrets.ts';

/** The fields of a pod's spec that decide which pull secrets it has. */
export interface PullSpec {
  imagePullSecrets?: readonly { name: string }[] | null | undefined;
  serviceAccountName?: string | null | undefined;
  serviceAccount?: string | null | undefined;
}

/** Whose pull secrets a pod has, or the pods of a template will have. */
export function pullIdentityOf(namespace: string, spec: PullSpec): PullIdentity {
  return {
    namespace,
    imagePullSecrets: (spec.imagePullSecrets ?? []).map(({ name }) => name),
    serviceAccountName: spec.serviceAccountName || spec.serviceAccount || 'default',
  };
}

/** The credentials for one image, and what explains why they may not be enough. */
export interface ImageCredentials extends FoundCredentials {
  /** The pod's pull secrets; undefined where the image isn't resolved for a pod. */
  readonly secrets: PullCredentials | undefined;
}

/**
 * The credentials that one pod pulls with: its pull secrets, read once and only if an image needs them, and tagpin's own
 * sources, asked once for each repository.
 */
export class PodCredentials {
  readonly #credentials: Pick<CredentialSources, 'find'>;
  readonly #readSecrets: (() => Promise<PullCredentials>) | undefined;
  readonly #signal: AbortSignal;
  #secrets: Promise<PullCredentials> | undefined;
  #read: PullCredentials | undefined;
  readonly #found = new Map<string, Promise<ImageCredentials>>();

  /** @param readSecrets reads the pod's pull secrets; undefined where there is no pod */
  constructor(
    credentials: Pick<CredentialSources, 'find'>,
    readSecrets: (() => Promise<PullCredentials>) | undefined,
    signal: AbortSignal,
  ) {
    this.#credentials = credentials;
    this.#readSecrets = readSecrets;
    this.#signal = signal;
  }

  /**
   * The credentials for a repository (`docker.io/library/nginx`), in the order in which the kubelet tries them.
   *
   * @throws KubernetesError when a pull secret can't be read; CredentialError; the signal's reason
   */
  find(repository: string): Promise<ImageCredentials> {
    const found = this.#found.get(repository) ?? this.#find(repository);
    this.#found.set(repository, found);
    return found;
  }

  /** The pull secrets that can't be decoded, as far as any have been read. */
  get brokenSecrets(): readonly BrokenSecret[] {
    return this.#read?.keyring.broken ?? [];
  }

  async #find(repository: string): Promise<ImageCredentials> {
    this.#secrets ??= this.#readSecrets?.();
    const secrets = await this.#secrets;
    this.#read = secrets;
    return { ...(await this.#credentials.find(repository, secrets?.keyring, this.#signal)), secrets };
  }
}
