import { isNameOwn } from '../api/v1alpha1/identity.ts';
import { annotations, defaultCredentials, finalizer } from '../api/v1alpha1/names.ts';
import type { VirtualMachine } from '../api/v1alpha1/types.ts';
import type { KubeClient } from '../kube/client.ts';
import { KubeError } from '../kube/errors.ts';
import type { Clock } from '../model/clock.ts';
import { Secret } from '../model/secret.ts';

/**
 * The API key of an object, or why there is none, in a sentence for the person who can change that. `isDefault`: it is
 * the operator's own for whole namespaces, not one of the object's namespace.
 */
export type KeyLookup =
  /** `version`: the Secret's UID and resourceVersion; the same version means the same key. */
  | { readonly kind: 'Found'; readonly apiKey: Secret; readonly version: string; readonly isDefault: boolean }
  | { readonly kind: 'Missing'; readonly message: string };

/** What one Secret holds. `Absent`: there is no such Secret, which is the one case in which another may stand in. */
type Reading =
  | { readonly kind: 'Found'; readonly apiKey: Secret; readonly version: string }
  | { readonly kind: 'Missing' | 'Absent'; readonly message: string };

interface SecretRef {
  readonly namespace: string;
  readonly name: string;
  readonly key: string;
}

/** The operator's own Secret, and the namespaces whose objects may use it when they have none. */
export interface SharedCredentials {
  readonly secret: Omit<SecretRef, 'key'> & { readonly key: string | undefined };
  readonly namespaces: readonly string[];
}

/** Secrets that nobody watches for us are read again after this long: a good one seldom, a missing one soon. */
const keepFound = 5 * 60_000;
const keepMissing = 10_000;

interface Cached {
  readonly reading: Reading;
  readonly readAt: number;
}

/**
 * Reads API keys from Secrets in the object's own namespace, each Secret once for all objects that use it. Worked table,
 * for an operator that has a key of its own; it comes into question only for objects of a namespace that may use it, that
 * leave the name of the Secret at its default, and whose machine has a name that proves it theirs:
 *
 * | the object                  | its Secret                | then                                                     |
 * | --------------------------- | ------------------------- | -------------------------------------------------------- |
 * | is new                      | holds a key               | that one                                                 |
 * | is new                      | does not exist            | the operator's                                           |
 * | is new                      | no key in it, unreadable  | none: somebody erred                                     |
 * | began with the operator's   |                           | the operator's                                           |
 * | began with its Secret's     | does not exist            | none                                                     |
 *
 * The last two because the keys may be of two accounts: with that of an account without machines, every machine of the
 * other would seem gone after a few lists.
 */
export interface Credentials {
  /** Throws KubeError when the API server does not answer: that says nothing about the Secret. */
  lookup(object: VirtualMachine): Promise<KeyLookup>;
  /** The Secrets (`namespace/name`) that the object's key may come from. */
  secretsOf(object: VirtualMachine): readonly string[];
  /** Forgets what was read of a Secret (`namespace/name`), so that the next look reads it anew. */
  invalidate(secret: string): void;
  /** The Secret was refused by the provider: read again soon rather than seldom. */
  distrust(object: VirtualMachine): void;
}

export function createCredentials(options: {
  readonly client: Pick<KubeClient, 'get'>;
  readonly clock: Clock;
  readonly shared?: SharedCredentials | undefined;
  /** Told of each key read, so that it can be scrubbed from whatever is printed. */
  readonly onKey?: (apiKey: Secret) => void;
}): Credentials {
  const { client, clock, shared } = options;
  const sharedRef = shared && { ...shared.secret, key: shared.secret.key ?? defaultCredentials.key };
  const bySecret = new Map<string, Map<string, Cached>>();
  const underWay = new Map<string, Promise<Reading>>();

  async function read({ namespace, name, key }: SecretRef): Promise<Reading> {
    try {
      const secret = await client.get({ group: '', version: 'v1', plural: 'secrets' }, { namespace, name });
      const reading = judge(secret, name, key);
      if (reading.kind === 'Found') options.onKey?.(reading.apiKey);
      return reading;
    } catch (error) {
      if (error instanceof KubeError && error.reason === 'NotFound') {
        const message = `Secret "${name}" does not exist in namespace "${namespace}"; create it with the API key under "${key}"`;
        return { kind: 'Absent', message };
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
  function readOnce(ref: SecretRef): Promise<Reading> {
    const secret = nameOf(ref);
    const id = `${secret}/${ref.key}`;
    const readAt = clock.monotonic();
    const isCurrent = (): boolean => underWay.get(id) === promise;
    const promise = read(ref)
      .then((reading) => {
        if (isCurrent()) bySecret.set(secret, new Map(bySecret.get(secret)).set(ref.key, { reading, readAt }));
        return reading;
      })
      .finally(() => isCurrent() && underWay.delete(id));
    underWay.set(id, promise);
    return promise;
  }

  /** `isLast`: nothing else is tried. Where something is, a Secret that was just created must not count as absent. */
  async function look(ref: SecretRef, isLast: boolean): Promise<Reading> {
    const cached = bySecret.get(nameOf(ref))?.get(ref.key);
    if (cached !== undefined && (isLast || cached.reading.kind !== 'Absent')) {
      const keep = cached.reading.kind === 'Found' ? keepFound : keepMissing;
      if (clock.monotonic() - cached.readAt < keep) return cached.reading;
    }
    return underWay.get(`${nameOf(ref)}/${ref.key}`) ?? readOnce(ref);
  }

  /** Where the object's key is looked for: in the next one only if there is no such Secret as the one before. */
  function refsOf(object: VirtualMachine): readonly SecretRef[] {
    const { metadata, spec } = object;
    const own = { namespace: metadata.namespace, ...spec.credentialsSecretRef };
    const mayShare =
      shared?.namespaces.includes(own.namespace) === true && own.name === defaultCredentials.name && isNameOwn(object);
    if (!mayShare || sharedRef === undefined) return [own];
    if (!hasBegun(object)) return [own, sharedRef];
    return [metadata.annotations?.[annotations.defaultCredentials] === 'true' ? sharedRef : own];
  }

  return {
    async lookup(object) {
      const reasons: string[] = [];
      const refs = refsOf(object);
      for (const ref of refs) {
        const reading = await look(ref, ref === refs.at(-1));
        if (reading.kind === 'Found') return { ...reading, isDefault: ref === sharedRef };
        reasons.push(reading.message);
        if (reading.kind === 'Missing') break;
      }
      return { kind: 'Missing', message: reasons.join('; nor is there a key of the operator: ') };
    },
    secretsOf: (object) => refsOf(object).map(nameOf),
    invalidate(secret) {
      bySecret.delete(secret);
      // A read under way may have seen the Secret as it was before.
      for (const id of underWay.keys()) if (id.startsWith(`${secret}/`)) underWay.delete(id);
    },
    distrust(object) {
      for (const ref of refsOf(object)) {
        const entries = bySecret.get(nameOf(ref));
        const cached = entries?.get(ref.key);
        if (cached !== undefined && clock.monotonic() - cached.readAt >= keepMissing) entries?.delete(ref.key);
      }
    },
  };
}

/** Whether a machine of the object's may exist: our finalizer is stored before it, and the records survive some of each other. */
function hasBegun({ metadata, status }: VirtualMachine): boolean {
  return (
    metadata.finalizers?.includes(finalizer) === true ||
    metadata.annotations?.[annotations.createPending] !== undefined ||
    metadata.annotations?.[annotations.machine] !== undefined ||
    status?.id !== undefined
  );
}

function nameOf({ namespace, name }: SecretRef): string {
  return `${namespace}/${name}`;
}

/** Judges a Secret as read: pure, and every refusal says what to do without quoting the value. */
export function judge(secret: unknown, name: string, key: string): Reading {
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

function missing(message: string): Reading {
  return { kind: 'Missing', message };
}
