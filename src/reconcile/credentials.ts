import { isMarked, isNameOwn } from '../api/v1alpha1/identity.ts';
import {
  annotations,
  credentialsLabel,
  credentialsType,
  defaultCredentials,
  machineIdAnnotation,
  secrets,
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
 * The API key of an object, or the reason why there is none, as a sentence for the user who can fix it. `isDefault`:
 * the operator's default key, instead of one of the object's namespace.
 */
export type KeyLookup =
  | FoundKey
  /** `isAbsent`: the Secret doesn't exist. No message reveals that to users who may not read Secrets. */
  | { readonly kind: 'Missing'; readonly message: string; readonly isAbsent?: true };

export interface FoundKey {
  readonly kind: 'Found';
  readonly apiKey: Secret;
  /** The Secret's UID and resourceVersion; the same version means the same key. */
  readonly version: string;
  readonly isDefault: boolean;
}

/** The content of a Secret. `Absent`: the Secret doesn't exist. Only then may another one be used. */
type Reading =
  | { readonly kind: 'Found'; readonly apiKey: Secret; readonly version: string }
  | { readonly kind: 'Unusable' | 'Absent' | 'Forbidden' };

interface SecretRef {
  readonly namespace: string;
  readonly name: string;
  readonly key: string;
}

/** The Secret of the operator's default key, and the namespaces whose objects may use it if they have none. */
export interface SharedCredentials {
  readonly secret: Omit<SecretRef, 'key'> & { readonly key: string | undefined };
  readonly namespaces: readonly string[];
}

/** How often Secrets are read that the watch doesn't show: a usable one seldom, a missing one soon. */
const keepFound = 5 * 60_000;
const keepMissing = 10_000;

/** The longest API key. A longer text was not meant as one. */
const longestKey = 512;
/** The same in base64, with up to two newlines at its end. */
const longestEncodedKey = Math.ceil((longestKey + 2) / 3) * 4;
/** How many Secrets are read at once: each may have 1 MiB, which is in memory while it is read. */
const readsInFlight = 8;
/** How many entries of one Secret are cached. An object may refer to another entry with each change. */
const maxEntries = 16;

interface Cached {
  readonly reading: Reading;
  readonly readAt: number;
}

/**
 * Reads API keys from Secrets in the object's namespace, each Secret once for all objects that use it. An operator may
 * have a default key. It is considered only for objects of permitted namespaces that don't set the name of the Secret,
 * and whose VM has a name that proves it theirs. Worked table:
 *
 * | the object               | its Secret             | then                                               |
 * | ------------------------ | ---------------------- | -------------------------------------------------- |
 * | is new                   | contains a key         | that one                                           |
 * | is new                   | doesn't exist          | the default key                                    |
 * | is new                   | contains no usable key | none, so that a mistake in it doesn't go unnoticed |
 * | has used the default key |                        | the default key                                    |
 * | has used its Secret's    | doesn't exist          | none                                               |
 *
 * The last two rows prevent a switch between accounts: with the key of another account, every VM would seem deleted
 * after a few lists.
 */
export interface Credentials {
  /** Throws KubeError if the API server doesn't respond, which says nothing about the Secret. */
  lookup(object: VirtualMachine): Promise<KeyLookup>;
  /** The Secrets (`namespace/name`) that the object's key may come from. */
  secretsOf(object: VirtualMachine): readonly string[];
  /** Forgets a Secret (`namespace/name`) that changed, or that no object refers to any longer. */
  invalidate(secret: string): void;
  /** The provider rejected the key of this Secret, so it is read again soon. */
  distrust(object: VirtualMachine): void;
  /**
   * The key of an Account: of the Secret that it names in its namespace. The operator's default key is used only if
   * `mayUseDefault`, for an Account that names no Secret, because the Account shows all VMs of the key.
   */
  lookupForAccount(account: AccountKeyRef, mayUseDefault: boolean): Promise<AccountKeyLookup>;
  /** The same as `distrust`, for the Secret of an Account. */
  distrustForAccount(account: AccountKeyRef): void;
}

/** What determines the key of an Account. */
export interface AccountKeyRef {
  readonly metadata: { readonly namespace: string };
  readonly spec: Pick<VirtualMachine['spec'], 'credentialsSecretRef'>;
}

/** `isDefaultRefused`: VirtualMachines of the namespace may use the default key, and an Account there may not. */
export type AccountKeyLookup = KeyLookup & { readonly isDefaultRefused?: true };

export function createCredentials(options: {
  readonly client: Pick<KubeClient, 'get'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly shared?: SharedCredentials | undefined;
  /** Whether only Secrets with the label `vps247.com/credentials: "true"` are used. */
  readonly isLabelRequired?: boolean;
  /** The version (UID and resourceVersion) that the watch last showed of a Secret (`namespace/name`). */
  readonly watchedVersion?: (secret: string) => string | undefined;
}): Credentials {
  const { client, clock, log, shared, isLabelRequired = false, watchedVersion = () => undefined } = options;
  const sharedRef = shared && { ...shared.secret, key: shared.secret.key ?? defaultCredentials.key };
  const bySecret = new Map<string, Map<string, Cached>>();
  const inFlight = new Map<string, Promise<Reading>>();
  const reads = new Semaphore(readsInFlight);
  /** Whether it was logged that the operator's own Secret can't be used. */
  let isSharedReported = false;

  async function read(ref: SecretRef): Promise<Reading> {
    const { namespace, name, key } = ref;
    try {
      const secret = await reads.run(() => client.get(secrets, { namespace, name }), namespace);
      return readApiKey(secret, key, isLabelRequired && ref !== sharedRef);
    } catch (error) {
      if (error instanceof KubeError && error.reason === 'NotFound') return { kind: 'Absent' };
      if (error instanceof KubeError && error.reason === 'Forbidden') return { kind: 'Forbidden' };
      throw error;
    }
  }

  /**
   * Reads the Secret once for all concurrent callers, and caches the result unless the Secret changed during the read.
   */
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
    if (entries.size > maxEntries && oldest !== undefined) entries.delete(oldest);
    bySecret.set(nameOf(ref), entries);
  }

  /** `isLast`: nothing else is tried. Otherwise a Secret that was just created must not count as absent. */
  async function look(ref: SecretRef, isLast: boolean): Promise<Reading> {
    const cached = bySecret.get(nameOf(ref))?.get(ref.key);
    if (cached !== undefined && (isLast || cached.reading.kind !== 'Absent')) {
      const { reading, readAt } = cached;
      const keep = reading.kind === 'Found' ? keepFound : keepMissing;
      if (clock.monotonic() - readAt < keep) return reading;
      if (reading.kind === 'Found' && reading.version === watchedVersion(nameOf(ref))) return reading;
    }
    return inFlight.get(`${nameOf(ref)}/${ref.key}`) ?? readOnce(ref);
  }

  function answer(ref: SecretRef, reading: Reading, hint = ''): KeyLookup {
    const isDefault = ref === sharedRef;
    if (isDefault) reportShared(ref, reading.kind);
    if (reading.kind === 'Found') return { ...reading, isDefault };
    const message = isDefault ? sharedUnusable : `${whatIsNeeded(ref, reading.kind, isLabelRequired)}${hint}`;
    return { kind: 'Missing', message, ...(reading.kind === 'Absent' ? { isAbsent: true } : {}) };
  }

  /** For the cluster administrator, who owns the Secret. Tenants learn only that it can't be used. */
  function reportShared({ namespace, name, key }: SecretRef, kind: Reading['kind']): void {
    const isUsable = kind === 'Found';
    if (!isUsable && !isSharedReported)
      log.warn('Default API key is unusable', { secretName: `${namespace}/${name}`, entry: key, reason: kind });
    isSharedReported = !isUsable;
  }

  /** Whether VirtualMachines of this namespace that name no Secret may use the default key. */
  function isOfferedTo({ metadata, spec }: AccountKeyRef): boolean {
    return (
      shared?.namespaces.includes(metadata.namespace) === true &&
      spec.credentialsSecretRef.name === defaultCredentials.name
    );
  }

  /** For a user whose other objects in the namespace need no Secret. */
  function whyNotShared(object: VirtualMachine): string {
    return isOfferedTo(object) && !isNameOwn(object)
      ? "; the operator's default API key is not used for an object with spec.providerName"
      : '';
  }

  function distrustRef(ref: SecretRef): void {
    const entries = bySecret.get(nameOf(ref));
    const cached = entries?.get(ref.key);
    if (cached !== undefined && clock.monotonic() - cached.readAt >= keepMissing) entries?.delete(ref.key);
  }

  /** Where to look for the object's key: the next Secret is used only if the one before it doesn't exist. */
  function refsOf(object: VirtualMachine): readonly [SecretRef, SecretRef?] {
    const { metadata, spec } = object;
    const own = { namespace: metadata.namespace, ...spec.credentialsSecretRef };
    if (!isOfferedTo(object) || !isNameOwn(object) || sharedRef === undefined) return [own];
    if (!hasBegun(object)) return [own, sharedRef];
    return [metadata.annotations?.[annotations.defaultCredentials] === 'true' ? sharedRef : own];
  }

  return {
    async lookup(object) {
      const [first, second] = refsOf(object);
      const found = await look(first, second === undefined);
      return found.kind === 'Absent' && second !== undefined
        ? answer(second, await look(second, true))
        : answer(first, found, whyNotShared(object));
    },
    async lookupForAccount(account, mayUseDefault) {
      const own = { namespace: account.metadata.namespace, ...account.spec.credentialsSecretRef };
      const mayShare = mayUseDefault && sharedRef !== undefined && own.name === defaultCredentials.name;
      const found = await look(own, !mayShare);
      if (found.kind === 'Absent' && mayShare) return answer(sharedRef, await look(sharedRef, true));
      const isDefaultRefused = found.kind === 'Absent' && isOfferedTo(account);
      if (!isDefaultRefused) return answer(own, found);
      return { ...answer(own, found, defaultRefused), isDefaultRefused };
    },
    distrustForAccount({ metadata, spec }) {
      distrustRef({ namespace: metadata.namespace, ...spec.credentialsSecretRef });
    },
    secretsOf: (object) =>
      refsOf(object)
        .filter((ref) => ref !== undefined)
        .map(nameOf),
    invalidate(secret) {
      bySecret.delete(secret);
      // A read in progress may return the Secret before the change.
      for (const id of inFlight.keys()) if (id.startsWith(`${secret}/`)) inFlight.delete(id);
    },
    distrust(object) {
      for (const ref of refsOf(object)) if (ref !== undefined) distrustRef(ref);
    },
  };
}

/**
 * Whether a VM of the object may exist: the finalizer is stored before it, and some of the records survive the loss of
 * others.
 */
function hasBegun(object: VirtualMachine): boolean {
  return isMarked(object) || object.status?.id !== undefined;
}

function nameOf({ namespace, name }: SecretRef): string {
  return `${namespace}/${name}`;
}

/**
 * Whether a Secret may be used as an API key. Pure. Any other Secret can contain anything, and a user can refer to a
 * Secret without permission to read it.
 *
 * | the Secret                                            | is used |
 * | ----------------------------------------------------- | ------- |
 * | of type Opaque or vps247.com/api-key                  | yes     |
 * | of any other type, such as kubernetes.io/…            | no      |
 * | with the initial password of a VM                     | no      |
 * | without the label, where that is required             | no      |
 * | whose entry is missing, empty, or over 512 bytes      | no      |
 * | whose entry has characters that no header can contain | no      |
 */
export function readApiKey(secret: unknown, key: string, isLabelRequired = false): Reading {
  const { type, metadata, data } = fieldsOf(secret);
  const { annotations: notes, labels } = fieldsOf(metadata);
  const isMeant =
    (type === undefined || type === 'Opaque' || type === credentialsType) &&
    fieldsOf(notes)[machineIdAnnotation] === undefined &&
    (!isLabelRequired || fieldsOf(labels)[credentialsLabel] === 'true');
  const encoded = fieldsOf(data)[key];
  if (!isMeant || typeof encoded !== 'string' || encoded.length > longestEncodedKey) return { kind: 'Unusable' };
  // `echo` and editors add a trailing newline, which isn't part of the key.
  const text = Buffer.from(encoded, 'base64').toString('utf8').trim();
  if (text.length > longestKey || !/^[\u0021-\u007e]+$/.test(text)) return { kind: 'Unusable' };
  return { kind: 'Found', apiKey: new Secret(text), version: versionOf(secret) };
}

const defaultRefused =
  "; the operator's default API key, which VirtualMachines of this namespace use, opens an Account in the namespace of the operator only";

const sharedUnusable = "the operator's default API key can't be used; ask your cluster administrator";

/** The same message whatever the problem, because users who may not read Secrets could otherwise learn which exist. */
function whatIsNeeded(
  { namespace, name, key }: SecretRef,
  kind: Exclude<Reading['kind'], 'Found'>,
  isLabelRequired: boolean,
): string {
  if (kind === 'Forbidden')
    return `the operator may not read Secret ${quoted(name)} in namespace ${quoted(namespace)}; grant it "get" on secrets there`;
  // Separate commands, because an existing Secret may lack only the label. They are followed only by `;`, which a shell
  // accepts.
  const label = `label it: ${labelSecret(namespace, name, `${credentialsLabel}=true`)}; `;
  return (
    `no usable API key under ${quoted(key)} in Secret ${quoted(name)}; create the Secret: ` +
    `${createApiKey(namespace, { name, key })}; ${isLabelRequired ? label : ''}` +
    `if it exists, it must have type Opaque or ${credentialsType}${isLabelRequired ? ', the label' : ''} and a key of at most ${longestKey} printable ASCII characters`
  );
}

/** The Secret's UID and resourceVersion. */
export function versionOf(secret: unknown): string {
  const { uid, resourceVersion } = fieldsOf(fieldsOf(secret)['metadata']);
  // A missing field results in a version that equals no other.
  return `${String(uid ?? '')}/${String(resourceVersion ?? '')}`;
}
