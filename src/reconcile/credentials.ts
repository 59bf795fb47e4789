import { isNameOwn } from '../api/v1alpha1/identity.ts';
import {
  annotations,
  credentialsLabel,
  credentialsType,
  defaultCredentials,
  finalizer,
  machineIdAnnotation,
} from '../api/v1alpha1/constants.ts';
import type { VirtualMachine } from '../api/v1alpha1/types.ts';
import { fieldsOf } from '../domain/json.ts';
import type { KubeClient } from '../kubernetes/client.ts';
import { KubeError } from '../kubernetes/errors.ts';
import type { Clock } from '../domain/clock.ts';
import { Secret } from '../domain/secret.ts';
import { Semaphore } from '../domain/semaphore.ts';
import { createApiKey, labelSecret } from '../api/v1alpha1/commands.ts';
import { quoted } from '../domain/text.ts';
import type { Log } from '../telemetry/log.ts';

/**
 * The API key of an object, or why there is none, in a sentence for the person who can change that. `isDefault`: it is
 * the operator's own for whole namespaces, not one of the object's namespace.
 */
export type KeyLookup =
  | FoundKey
  /** `isAbsent`: the API server says that the Secret doesn't exist. No message repeats that to users who may not read Secrets. */
  | { readonly kind: 'Missing'; readonly message: string; readonly isAbsent?: true };

export interface FoundKey {
  readonly kind: 'Found';
  readonly apiKey: Secret;
  /** The Secret's UID and resourceVersion; the same version means the same key. */
  readonly version: string;
  readonly isDefault: boolean;
}

/** What one Secret holds. `Absent`: the Secret doesn't exist. Only then may another one be used. */
type Reading =
  | { readonly kind: 'Found'; readonly apiKey: Secret; readonly version: string }
  | { readonly kind: 'Unusable' | 'Absent' | 'Forbidden' };

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

/** Secrets that the operator doesn't watch are read again after this long: a usable one seldom, a missing one soon. */
const keepFound = 5 * 60_000;
const keepMissing = 10_000;

/** No provider's key is longer. Whatever is longer was not meant as one. */
const longestKey = 512;
/** The same in base64, with a newline or two at its end. */
const longestEncodedKey = Math.ceil((longestKey + 2) / 3) * 4;
/** A Secret may have 1 MiB, all of which is in memory while it is read. */
const readsInFlight = 8;
/** Entries of one Secret that are remembered. An object may refer to another one with each change. */
const mostEntries = 16;

interface Cached {
  readonly reading: Reading;
  readonly readAt: number;
}

/**
 * Reads API keys from Secrets in the object's own namespace, each Secret once for all objects that use it. Worked table,
 * for an operator that has its own key; it comes into question only for objects of a namespace that may use it, that
 * leave the name of the Secret at its default, and whose machine has a name that proves it theirs:
 *
 * | the object                  | its Secret                | then                                                     |
 * | --------------------------- | ------------------------- | -------------------------------------------------------- |
 * | is new                      | holds a key               | that one                                                 |
 * | is new                      | does not exist            | the operator's                                           |
 * | is new                      | holds no usable key       | none: a mistake in it must not go unnoticed              |
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
  /** Forgets what was read of a Secret (`namespace/name`): it changed, or no object refers to it any longer. */
  invalidate(secret: string): void;
  /** The Secret was refused by the provider: read again soon rather than seldom. */
  distrust(object: VirtualMachine): void;
}

export function createCredentials(options: {
  readonly client: Pick<KubeClient, 'get'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly shared?: SharedCredentials | undefined;
  /** Whether only Secrets with the label `vps247.com/credentials: "true"` are used. */
  readonly isLabelRequired?: boolean;
}): Credentials {
  const { client, clock, log, shared, isLabelRequired = false } = options;
  const sharedRef = shared && { ...shared.secret, key: shared.secret.key ?? defaultCredentials.key };
  const bySecret = new Map<string, Map<string, Cached>>();
  const inFlight = new Map<string, Promise<Reading>>();
  const reads = new Semaphore(readsInFlight);
  /** Whether the log has that the operator's own Secret can't be used. */
  let isSharedReported = false;

  async function read(ref: SecretRef): Promise<Reading> {
    const { namespace, name, key } = ref;
    const resource = { group: '', version: 'v1', plural: 'secrets' };
    try {
      const secret = await reads.run(() => client.get(resource, { namespace, name }), namespace);
      return judge(secret, key, isLabelRequired && ref !== sharedRef);
    } catch (error) {
      if (error instanceof KubeError && error.reason === 'NotFound') return { kind: 'Absent' };
      if (error instanceof KubeError && error.reason === 'Forbidden') return { kind: 'Forbidden' };
      throw error;
    }
  }

  /** Reads for all who ask meanwhile, and keeps the answer unless the Secret changed under the read. */
  function readOnce(ref: SecretRef): Promise<Reading> {
    const secret = nameOf(ref);
    const id = `${secret}/${ref.key}`;
    const readAt = clock.monotonic();
    const isCurrent = (): boolean => inFlight.get(id) === promise;
    const promise = read(ref)
      .then((reading) => {
        if (isCurrent()) remember(ref, { reading, readAt });
        return reading;
      })
      .finally(() => isCurrent() && inFlight.delete(id));
    inFlight.set(id, promise);
    return promise;
  }

  function remember(ref: SecretRef, cached: Cached): void {
    const entries = bySecret.get(nameOf(ref)) ?? new Map<string, Cached>();
    entries.delete(ref.key);
    entries.set(ref.key, cached);
    const [oldest] = entries.keys();
    if (entries.size > mostEntries && oldest !== undefined) entries.delete(oldest);
    bySecret.set(nameOf(ref), entries);
  }

  /** `isLast`: nothing else is tried. Where something is, a Secret that was just created must not count as absent. */
  async function look(ref: SecretRef, isLast: boolean): Promise<Reading> {
    const cached = bySecret.get(nameOf(ref))?.get(ref.key);
    if (cached !== undefined && (isLast || cached.reading.kind !== 'Absent')) {
      const keep = cached.reading.kind === 'Found' ? keepFound : keepMissing;
      if (clock.monotonic() - cached.readAt < keep) return cached.reading;
    }
    return inFlight.get(`${nameOf(ref)}/${ref.key}`) ?? readOnce(ref);
  }

  function answer(ref: SecretRef, reading: Reading, object: VirtualMachine): KeyLookup {
    const isDefault = ref === sharedRef;
    if (isDefault) reportShared(ref, reading.kind);
    if (reading.kind === 'Found') return { ...reading, isDefault };
    const message = isDefault
      ? sharedUnusable
      : `${whatIsNeeded(ref, reading.kind, isLabelRequired)}${whyNotShared(object)}`;
    return { kind: 'Missing', message, ...(reading.kind === 'Absent' ? { isAbsent: true } : {}) };
  }

  /** For the cluster administrator, whose Secret it is; tenants learn no more than that it can't be used. */
  function reportShared({ namespace, name, key }: SecretRef, kind: Reading['kind']): void {
    const isUsable = kind === 'Found';
    if (!isUsable && !isSharedReported)
      log.warn('Default API key is unusable', { secretName: `${namespace}/${name}`, entry: key, reason: kind });
    isSharedReported = !isUsable;
  }

  /** Whether the operator's own key is there for objects of this namespace that name no Secret. */
  function isOffered({ metadata, spec }: VirtualMachine): boolean {
    return (
      shared?.namespaces.includes(metadata.namespace) === true &&
      spec.credentialsSecretRef.name === defaultCredentials.name
    );
  }

  /** For a user whose other objects of the namespace need no Secret. */
  function whyNotShared(object: VirtualMachine): string {
    return isOffered(object) && !isNameOwn(object)
      ? "; the operator's default API key is not used for an object with spec.providerName"
      : '';
  }

  /** Where the object's key is looked for: in the next one only if the Secret before it doesn't exist. */
  function refsOf(object: VirtualMachine): readonly [SecretRef, SecretRef?] {
    const { metadata, spec } = object;
    const own = { namespace: metadata.namespace, ...spec.credentialsSecretRef };
    if (!isOffered(object) || !isNameOwn(object) || sharedRef === undefined) return [own];
    if (!hasBegun(object)) return [own, sharedRef];
    return [metadata.annotations?.[annotations.defaultCredentials] === 'true' ? sharedRef : own];
  }

  return {
    async lookup(object) {
      const [first, second] = refsOf(object);
      const found = await look(first, second === undefined);
      return found.kind === 'Absent' && second !== undefined
        ? answer(second, await look(second, true), object)
        : answer(first, found, object);
    },
    secretsOf: (object) =>
      refsOf(object)
        .filter((ref) => ref !== undefined)
        .map(nameOf),
    invalidate(secret) {
      bySecret.delete(secret);
      // A read in progress may have seen the Secret as it was before.
      for (const id of inFlight.keys()) if (id.startsWith(`${secret}/`)) inFlight.delete(id);
    },
    distrust(object) {
      for (const ref of refsOf(object)) {
        if (ref === undefined) continue;
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

/**
 * Judges a Secret as read. Pure. Only one that is meant as an API key is used: any other may hold anything, and a user may
 * refer to a Secret without permission to read it.
 *
 * | the Secret                                       | is used |
 * | ------------------------------------------------ | ------- |
 * | of type Opaque or vps247.com/api-key             | yes     |
 * | of any other type, such as kubernetes.io/…       | no      |
 * | with the initial password of a VM                | no      |
 * | without the label, where that is required        | no      |
 * | whose entry is missing, empty, or over 512 bytes | no      |
 * | whose entry has what no header can carry         | no      |
 */
export function judge(secret: unknown, key: string, isLabelRequired = false): Reading {
  const { type, metadata, data } = fieldsOf(secret);
  const { annotations: notes, labels } = fieldsOf(metadata);
  const isMeant =
    (type === undefined || type === 'Opaque' || type === credentialsType) &&
    fieldsOf(notes)[machineIdAnnotation] === undefined &&
    (!isLabelRequired || fieldsOf(labels)[credentialsLabel] === 'true');
  const encoded = fieldsOf(data)[key];
  if (!isMeant || typeof encoded !== 'string' || encoded.length > longestEncodedKey) return { kind: 'Unusable' };
  // A trailing newline is what `echo` and editors add, not part of a key.
  const text = Buffer.from(encoded, 'base64').toString('utf8').trim();
  if (text.length > longestKey || !/^[\u0021-\u007e]+$/.test(text)) return { kind: 'Unusable' };
  return { kind: 'Found', apiKey: new Secret(text), version: versionOf(secret) };
}

const sharedUnusable = "the operator's default API key can't be used; ask your cluster administrator";

/** The same words whatever is wrong with the Secret, or who may not read Secrets would learn from them which exist. */
function whatIsNeeded(
  { namespace, name, key }: SecretRef,
  kind: Exclude<Reading['kind'], 'Found'>,
  isLabelRequired: boolean,
): string {
  if (kind === 'Forbidden')
    return `the operator may not read Secret ${quoted(name)} in namespace ${quoted(namespace)}; grant it "get" on secrets there`;
  // One command each: the label alone is missing where a Secret exists already. Nothing but `;` after one, which a shell accepts.
  const label = `label it: ${labelSecret(namespace, name, `${credentialsLabel}=true`)}; `;
  return (
    `no usable API key under ${quoted(key)} in Secret ${quoted(name)}; create the Secret: ` +
    `${createApiKey(namespace, { name, key })}; ${isLabelRequired ? label : ''}` +
    `if it exists, it must have type Opaque or ${credentialsType}${isLabelRequired ? ', the label' : ''} and a key of at most ${longestKey} printable ASCII characters`
  );
}

function versionOf(secret: unknown): string {
  const { uid, resourceVersion } = fieldsOf(fieldsOf(secret)['metadata']);
  // A field that is missing makes a version that equals no other object's.
  return `${String(uid ?? '')}/${String(resourceVersion ?? '')}`;
}
