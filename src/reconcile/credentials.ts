import type { VirtualMachine } from '../api/v1alpha1/types.ts';
import type { KubeClient } from '../kube/client.ts';
import { KubeError } from '../kube/errors.ts';
import type { Clock } from '../model/clock.ts';
import { Secret } from '../model/secret.ts';

/** The API key of an object, or why there is none, in a sentence for the person who can change that. */
export type KeyLookup =
  /** `version`: the Secret's UID and resourceVersion; the same version means the same key. */
  | { readonly kind: 'Found'; readonly apiKey: Secret; readonly version: string }
  | { readonly kind: 'Missing'; readonly message: string };

/** Secrets that nobody watches for us are read again after this long: a good one seldom, a missing one soon. */
const keepFound = 5 * 60_000;
const keepMissing = 10_000;

interface Cached {
  readonly lookup: KeyLookup;
  readonly readAt: number;
}

/** Reads API keys from Secrets in the object's own namespace, each Secret once for all objects that use it. */
export interface Credentials {
  /** Throws KubeError when the API server does not answer: that says nothing about the Secret. */
  lookup(object: VirtualMachine): Promise<KeyLookup>;
  /** Forgets what was read of a Secret (`namespace/name`), so that the next look reads it anew. */
  invalidate(secret: string): void;
  /** The Secret was refused by the provider: read again soon rather than seldom. */
  distrust(object: VirtualMachine): void;
}

export function createCredentials(options: {
  readonly client: Pick<KubeClient, 'get'>;
  readonly clock: Clock;
  /** Told of each key read, so that it can be scrubbed from whatever is printed. */
  readonly onKey?: (apiKey: Secret) => void;
}): Credentials {
  const { client, clock } = options;
  const bySecret = new Map<string, Map<string, Cached>>();
  const underWay = new Map<string, Promise<KeyLookup>>();

  async function read(namespace: string, name: string, key: string): Promise<KeyLookup> {
    try {
      const secret = await client.get({ group: '', version: 'v1', plural: 'secrets' }, { namespace, name });
      const lookup = judge(secret, name, key);
      if (lookup.kind === 'Found') options.onKey?.(lookup.apiKey);
      return lookup;
    } catch (error) {
      if (error instanceof KubeError && error.reason === 'NotFound') {
        return missing(
          `Secret "${name}" does not exist in namespace "${namespace}"; create it with the API key under "${key}"`,
        );
      }
      if (error instanceof KubeError && error.reason === 'Forbidden') {
        return missing(
          `the operator may not read Secret "${name}" in namespace "${namespace}"; grant it "get" on secrets there`,
        );
      }
      throw error;
    }
  }

  /** Reads for all who ask meanwhile, and keeps the answer unless the Secret changed under the read. */
  function readOnce(namespace: string, name: string, key: string): Promise<KeyLookup> {
    const secret = `${namespace}/${name}`;
    const id = `${secret}/${key}`;
    const readAt = clock.monotonic();
    const isCurrent = (): boolean => underWay.get(id) === reading;
    const reading = read(namespace, name, key)
      .then((lookup) => {
        if (isCurrent()) bySecret.set(secret, new Map(bySecret.get(secret)).set(key, { lookup, readAt }));
        return lookup;
      })
      .finally(() => isCurrent() && underWay.delete(id));
    underWay.set(id, reading);
    return reading;
  }

  return {
    async lookup(object) {
      const { namespace } = object.metadata;
      const { name, key } = object.spec.credentialsSecretRef;
      const secret = `${namespace}/${name}`;
      const cached = bySecret.get(secret)?.get(key);
      if (cached !== undefined) {
        const keep = cached.lookup.kind === 'Found' ? keepFound : keepMissing;
        if (clock.monotonic() - cached.readAt < keep) return cached.lookup;
      }
      return underWay.get(`${secret}/${key}`) ?? readOnce(namespace, name, key);
    },
    invalidate(secret) {
      bySecret.delete(secret);
      // A read under way may have seen the Secret as it was before.
      for (const id of underWay.keys()) if (id.startsWith(`${secret}/`)) underWay.delete(id);
    },
    distrust(object) {
      const secret = `${object.metadata.namespace}/${object.spec.credentialsSecretRef.name}`;
      const entries = bySecret.get(secret);
      const key = object.spec.credentialsSecretRef.key;
      const cached = entries?.get(key);
      if (cached !== undefined && clock.monotonic() - cached.readAt >= keepMissing) entries?.delete(key);
    },
  };
}

/** Judges a Secret as read: pure, and every refusal says what to do without quoting the value. */
export function judge(secret: unknown, name: string, key: string): KeyLookup {
  const encoded = dataOf(secret)[key];
  if (typeof encoded !== 'string') return missing(`Secret "${name}" has no key "${key}"; put the API key there`);
  // A trailing newline is what `echo` and editors add, not part of anybody's key.
  const text = Buffer.from(encoded, 'base64').toString('utf8').trim();
  if (text === '') return missing(`Secret "${name}" has an empty "${key}"; put the API key there`);
  if (!/^[\u0021-\u007e]+$/.test(text)) {
    return missing(
      `Secret "${name}" holds characters under "${key}" that no API key has (spaces, control characters or non-ASCII)`,
    );
  }
  return { kind: 'Found', apiKey: new Secret(text), version: versionOf(secret) };
}

function versionOf(secret: unknown): string {
  // Whatever the API server answers: a field that is missing makes a version that equals no other object's.
  const { metadata } = secret as { metadata?: { uid?: unknown; resourceVersion?: unknown } };
  return `${String(metadata?.uid ?? '')}/${String(metadata?.resourceVersion ?? '')}`;
}

function dataOf(secret: unknown): Readonly<Record<string, unknown>> {
  if (typeof secret !== 'object' || secret === null || !('data' in secret)) return {};
  const { data } = secret;
  // An object's values are checked by the caller; Record<string, unknown> claims nothing about them.
  return typeof data === 'object' && data !== null ? (data as Record<string, unknown>) : {};
}

function missing(message: string): KeyLookup {
  return { kind: 'Missing', message };
}
