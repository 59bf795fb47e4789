import { annotations } from './names.ts';
import type { ObjectMeta, Origin, VirtualMachine } from './types.ts';

const maxNameLength = 63;
const suffixLength = 8;

/** The name the object's machine is created with: the spec's, or one that carries this object's UID and so proves itself. */
export function providerName(object: VirtualMachine): string {
  return object.spec.providerName ?? nameWithUid(object.metadata);
}

/** Whether the provider name carries this very object's UID, so that nobody else can have made a machine of it. */
export function isNameOwn(object: VirtualMachine): boolean {
  return providerName(object) === nameWithUid(object.metadata);
}

function nameWithUid(meta: ObjectMeta): string {
  return `${headOf(meta.name)}-${meta.uid.replaceAll('-', '').slice(0, suffixLength)}`;
}

function headOf(name: string): string {
  return name.slice(0, maxNameLength - suffixLength - 1).replace(/[-.]+$/, '');
}

/** The object's name as it begins the names of its machines, before the suffix. */
export function nameHead(object: VirtualMachine): string {
  return headOf(object.metadata.name);
}

/**
 * Which machine the object says is its own, read from the annotation that survives backups. An update that replaces all
 * annotations (`kubectl replace`) takes it away; then the status counts, if it was written for this very name.
 *
 * | `machine` annotation  | `create-pending` | status                     | identity                                      |
 * | --------------------- | ---------------- | -------------------------- | --------------------------------------------- |
 * | of this UID           |                  |                            | Known                                         |
 * | of another UID        |                  |                            | Foreign, with the id                          |
 * | unreadable            |                  |                            | Malformed: edited by hand, nobody acts on it  |
 * | none                  | of this UID      |                            | None: the machine is looked for by name       |
 * | none                  | of another UID   |                            | Foreign, with the name                        |
 * | none                  | none             | id of a machine created for this name | Known, as told by the status       |
 * | none                  | none             | id of an adopted machine   | Unproven: its name proves nothing             |
 * | none                  | none             | anything else              | None                                          |
 */
export type Identity =
  | { readonly kind: 'None' }
  | ({ readonly kind: 'Known'; readonly source: 'Annotation' | 'Status' } & KnownMachine)
  | {
      readonly kind: 'Foreign';
      readonly uid: string;
      readonly id?: number;
      readonly name?: string;
      readonly ownerId?: number;
    }
  | { readonly kind: 'Unproven'; readonly id: number }
  | { readonly kind: 'Malformed' };

/** `name`: the machine's name at the provider; `ownerId`: of the account it was in when it was recorded, if known. */
export interface KnownMachine {
  readonly id: number;
  readonly origin: Origin;
  readonly name: string;
  readonly ownerId?: number;
}

/** `pending` is the announcement of a create call that counts, null for none: the object's own annotation unless said otherwise. */
export function readIdentity(
  object: VirtualMachine,
  pending: string | null = object.metadata.annotations?.[annotations.createPending] ?? null,
): Identity {
  const text = object.metadata.annotations?.[annotations.machine];
  if (text !== undefined) return fromAnnotation(object, text);
  const intent = readIntent(pending ?? undefined, object.metadata.uid);
  if (intent?.isOwn === true) return { kind: 'None' };
  if (intent?.uid !== undefined) {
    const { uid, name, ownerId } = intent;
    return {
      kind: 'Foreign',
      uid,
      ...(name === undefined ? {} : { name }),
      ...(ownerId === undefined ? {} : { ownerId }),
    };
  }
  return fromStatus(object);
}

function fromAnnotation(object: VirtualMachine, text: string): Identity {
  const value = parseObject(text) ?? {};
  const { id, uid } = value;
  if (!isId(id) || typeof uid !== 'string') return { kind: 'Malformed' };
  const owner = isId(value['owner']) ? { ownerId: value['owner'] } : {};
  const name = typeof value['name'] === 'string' ? value['name'] : undefined;
  if (uid !== object.metadata.uid)
    return { kind: 'Foreign', uid, id, ...(name === undefined ? {} : { name }), ...owner };
  const origin = value['origin'] === 'Adopted' ? 'Adopted' : 'Created';
  return { kind: 'Known', source: 'Annotation', id, origin, name: name ?? providerName(object), ...owner };
}

function fromStatus(object: VirtualMachine): Identity {
  const { id, providerName: name, origin, ownerId } = object.status ?? {};
  if (id === undefined || origin === undefined) return { kind: 'None' };
  if (origin === 'Adopted') return { kind: 'Unproven', id };
  if (name !== providerName(object)) return { kind: 'None' };
  return { kind: 'Known', source: 'Status', id, origin, name, ...(ownerId === undefined ? {} : { ownerId }) };
}

/** The annotation's text for a machine; the name is kept only where the object does not give it. */
export function writeIdentity(object: VirtualMachine, machine: KnownMachine): string {
  const { id, origin, name, ownerId: owner } = machine;
  const { uid } = object.metadata;
  return JSON.stringify({
    id,
    uid,
    ...(owner === undefined ? {} : { owner }),
    ...(origin === 'Created' ? {} : { origin }),
    ...(name === providerName(object) ? {} : { name }),
  });
}

/** A create call that was about to be sent. Also one that cannot be read, or was copied, says that something may be there. */
export interface Intent {
  /** Whether it was announced for this very object: only then is a machine of the name ours by it. */
  readonly isOwn: boolean;
  /** The object it was announced for, when it can be read. */
  readonly uid?: string;
  readonly name?: string;
  /** The newest time the provider had told before the call (epoch milliseconds by its clock): our machine is no older. */
  readonly after?: number;
  /** The owner of the account the call was to be made with. */
  readonly ownerId?: number;
  /** The Secret whose key the call was to be made with: UID and resourceVersion. */
  readonly credentials?: string;
  /** VMs that were listed without a readable name before the call: none of them is ours. */
  readonly nameless?: readonly number[];
}

/** So many of them are on record. */
const mostNameless = 32;

/** Reads the annotation's text, found in the object with this UID. */
export function readIntent(text: string | undefined, uid: string): Intent | undefined {
  if (text === undefined) return undefined;
  const value = parseObject(text) ?? {};
  const after = typeof value['after'] === 'string' ? Date.parse(value['after']) : Number.NaN;
  return {
    isOwn: value['uid'] === uid,
    ...(typeof value['uid'] === 'string' ? { uid: value['uid'] } : {}),
    ...(typeof value['name'] === 'string' ? { name: value['name'] } : {}),
    ...(Number.isFinite(after) ? { after } : {}),
    ...(isId(value['owner']) ? { ownerId: value['owner'] } : {}),
    ...(typeof value['credentials'] === 'string' ? { credentials: value['credentials'] } : {}),
    ...(Array.isArray(value['nameless']) ? { nameless: value['nameless'].slice(0, mostNameless).filter(isId) } : {}),
  };
}

/** Epoch milliseconds: `at` by our clock, `after` by the provider's. */
export function writeIntent(
  meta: ObjectMeta,
  intent: {
    readonly at: number;
    readonly name: string;
    readonly after?: number | undefined;
    readonly ownerId?: number | undefined;
    readonly credentials?: string | undefined;
    readonly nameless?: readonly number[];
  },
): string {
  const { at, name, after, ownerId: owner, credentials, nameless = [] } = intent;
  return JSON.stringify({
    at: new Date(at).toISOString(),
    name,
    uid: meta.uid,
    ...(after === undefined ? {} : { after: new Date(after).toISOString() }),
    ...(owner === undefined ? {} : { owner }),
    ...(credentials === undefined ? {} : { credentials }),
    ...(nameless.length === 0 ? {} : { nameless: nameless.slice(0, mostNameless) }),
  });
}

function isId(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1;
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    // Record<string, unknown> claims nothing about the fields; each is checked where it is read.
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
