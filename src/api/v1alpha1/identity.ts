import { fieldsOf } from '../../domain/json.ts';
import { annotations, finalizer } from './constants.ts';
import type { CreationOptions, ObjectMeta, Origin, VirtualMachine } from './types.ts';

const maxNameLength = 63;
const suffixLength = 8;

/**
 * The provider name that the VM is created with: the spec's, or one that contains this object's UID and so proves
 * ownership.
 */
export function providerName(object: VirtualMachine): string {
  return object.spec.providerName ?? nameWithUid(object.metadata);
}

/** The name to look for: of the VM to adopt, if the spec names one and the object doesn't create one. */
export function soughtName(object: VirtualMachine): string {
  const { policy, name } = object.spec.adoption;
  return policy === 'MustExist' && name !== undefined ? name : providerName(object);
}

/** Whether the provider name contains this object's UID, so that no other object can have created a VM of that name. */
export function isNameOwn(object: VirtualMachine): boolean {
  return providerName(object) === nameWithUid(object.metadata);
}

function nameWithUid(meta: ObjectMeta): string {
  return `${headOf(meta.name)}-${meta.uid.replaceAll('-', '').slice(0, suffixLength)}`;
}

function headOf(name: string): string {
  return name.slice(0, maxNameLength - suffixLength - 1).replace(/[-.]+$/, '');
}

/** The prefix of the provider names of the object's VMs, before the suffix. */
export function nameHead(object: VirtualMachine): string {
  return headOf(object.metadata.name);
}

/**
 * Which VM belongs to the object. The record is the status, which tenants can't write; the annotations are hints, which they
 * can: a hint may hold back a create call, and never grants anything. Worked table, first row that applies:
 *
 * | status record  | `machine` annotation    | `create-pending` | identity                                              |
 * | -------------- | ----------------------- | ---------------- | ----------------------------------------------------- |
 * | of this UID    |                         |                  | Known                                                 |
 * | of another UID |                         |                  | OtherObject: the status was restored or copied        |
 * | none           | of another UID          |                  | OtherObject, with the id                              |
 * | none           | of this UID, unreadable |                  | Unproven: a VM may exist, and only its name proves it |
 * | none           | none                    | of another UID   | OtherObject, with the name                            |
 * | none           | none                    | anything else    | None: the VM is looked for by name                    |
 */
export type Identity =
  | { readonly kind: 'None' }
  | ({ readonly kind: 'Known' } & KnownMachine)
  | {
      readonly kind: 'OtherObject';
      readonly uid: string;
      /** Whether the status is the source, instead of an annotation. */
      readonly isRecord?: true;
      readonly id?: number;
      readonly name?: string;
      readonly ownerId?: number;
    }
  | { readonly kind: 'Unproven'; readonly id?: number };

/**
 * `name`: the VM's name at the provider; `ownerId`: the account that it was recorded with, if known; `options`: what it
 * was created with, while that is about to be recorded.
 */
export interface KnownMachine {
  readonly id: number;
  readonly origin: Origin;
  readonly name: string;
  readonly ownerId?: number;
  readonly options?: CreationOptions;
}

/** `pending` is the create intent in effect, null for none; by default the object's annotation. */
export function readIdentity(
  object: VirtualMachine,
  pending: string | null = object.metadata.annotations?.[annotations.createPending] ?? null,
): Identity {
  const { uid } = object.metadata;
  const recordedFor = object.status?.internal?.objectUID;
  const record = readRecord(object);
  if (record !== undefined)
    return recordedFor === uid
      ? { kind: 'Known', ...record }
      : { ...ofOtherObject(recordedFor ?? '', record), isRecord: true };
  const text = object.metadata.annotations?.[annotations.machine];
  if (text !== undefined) {
    const hint = readHint(text);
    if (hint?.uid !== undefined && hint.uid !== uid) return ofOtherObject(hint.uid, hint);
    return { kind: 'Unproven', ...(hint?.id === undefined ? {} : { id: hint.id }) };
  }
  const intent = readIntent(pending ?? undefined, uid);
  return intent?.uid === undefined || intent.isOwn ? { kind: 'None' } : ofOtherObject(intent.uid, intent);
}

function ofOtherObject(
  uid: string,
  { id, name, ownerId }: { readonly id?: number; readonly name?: string; readonly ownerId?: number },
): Extract<Identity, { kind: 'OtherObject' }> {
  return {
    kind: 'OtherObject',
    uid,
    ...(id === undefined ? {} : { id }),
    ...(name === undefined ? {} : { name }),
    ...(ownerId === undefined ? {} : { ownerId }),
  };
}

/** The VM that the status records, for this or another object. An id without an origin and a UID isn't a record. */
function readRecord(object: VirtualMachine): KnownMachine | undefined {
  const { id, providerName: name = providerName(object), origin, ownerId, internal } = object.status ?? {};
  if (internal?.objectUID === undefined || id === undefined || origin === undefined) return undefined;
  return { id, origin, name, ...(ownerId === undefined ? {} : { ownerId }) };
}

/** The contents of the `machine` annotation; undefined if it can't be read. */
interface Hint {
  readonly uid: string;
  readonly id: number;
  readonly name?: string;
  readonly ownerId?: number;
}

function readHint(text: string): Hint | undefined {
  const { id, uid, name, owner } = parseObject(text);
  if (!isId(id) || typeof uid !== 'string') return undefined;
  return { uid, id, ...(typeof name === 'string' ? { name } : {}), ...(isId(owner) ? { ownerId: owner } : {}) };
}

/** Whether the `machine` annotation matches the record. */
export function compareHint(object: VirtualMachine, machine: KnownMachine): 'Equal' | 'Missing' | 'Contradicting' {
  const text = object.metadata.annotations?.[annotations.machine];
  if (text === undefined) return 'Missing';
  const { uid, id, name = providerName(object), ownerId } = readHint(text) ?? {};
  const isSameOwner = ownerId === undefined || machine.ownerId === undefined || ownerId === machine.ownerId;
  return uid === object.metadata.uid && id === machine.id && name === machine.name && isSameOwner
    ? 'Equal'
    : 'Contradicting';
}

/** The text of the `machine` annotation for a VM; the name is included only if the object doesn't determine it. */
export function writeHint(object: VirtualMachine, machine: KnownMachine): string {
  const { id, name, ownerId: owner } = machine;
  const { uid } = object.metadata;
  return JSON.stringify({
    id,
    uid,
    ...(owner === undefined ? {} : { owner }),
    ...(name === providerName(object) ? {} : { name }),
  });
}

/** A write-ahead intent of a create call. An unreadable or copied intent also means that a VM may exist. */
export interface Intent {
  /** Whether it was written for this object: only then it proves that a VM of this name is the object's. */
  readonly isOwn: boolean;
  /** The object that it was written for, if that can be read. */
  readonly uid?: string;
  readonly name?: string;
  /**
   * The newest time that the provider had reported before the call (epoch milliseconds by its clock): our VM isn't
   * older.
   */
  readonly after?: number;
  /** The owner of the account that the call was sent to. */
  readonly ownerId?: number;
  /** VMs that were listed without a readable name before the call: none of them is the object's. */
  readonly nameless?: readonly number[];
  /**
   * The recorded VM that the new one replaces, because it was deleted. A record of any other VM is newer than the
   * intent.
   */
  readonly replaces?: number;
  /** When it was written (epoch milliseconds by our clock), and how many create calls in a row led to no VM, this one included. */
  readonly at?: number;
  readonly tries?: number;
  /** The options of the VM. Missing if an earlier call, which may have had an effect, had other options. */
  readonly options?: CreationOptions;
  /** All of the above as one text, and its hash with the API key, which only the writer of the intent had. */
  readonly signed: string;
  readonly proof?: string;
}

/** How many of them are recorded. */
const maxNameless = 32;

/** Reads the annotation's text, found on the object with this UID. */
export function readIntent(text: string | undefined, uid: string): Intent | undefined {
  if (text === undefined) return undefined;
  const value = parseObject(text);
  const after = typeof value['after'] === 'string' ? Date.parse(value['after']) : Number.NaN;
  const at = typeof value['at'] === 'string' ? Date.parse(value['at']) : Number.NaN;
  return {
    isOwn: value['uid'] === uid,
    ...(typeof value['uid'] === 'string' ? { uid: value['uid'] } : {}),
    ...(typeof value['name'] === 'string' ? { name: value['name'] } : {}),
    ...(Number.isFinite(after) ? { after } : {}),
    ...(isId(value['owner']) ? { ownerId: value['owner'] } : {}),
    ...(Array.isArray(value['nameless']) ? { nameless: value['nameless'].slice(0, maxNameless).filter(isId) } : {}),
    ...(isId(value['replaces']) ? { replaces: value['replaces'] } : {}),
    ...(Number.isFinite(at) ? { at } : {}),
    ...(isId(value['tries']) ? { tries: value['tries'] } : {}),
    ...readOptions(value['options']),
    signed: signedText(value),
    ...(typeof value['proof'] === 'string' ? { proof: value['proof'] } : {}),
  };
}

/** Extracts the creation options. */
export function optionsOf({ ipv6, privateNetworking, sshKeyIds }: CreationOptions): CreationOptions {
  return { ipv6, privateNetworking, sshKeyIds };
}

function readOptions(value: unknown): Pick<Intent, 'options'> {
  const { ipv6, privateNetworking, sshKeyIds } = fieldsOf(value);
  if (typeof ipv6 !== 'boolean' || typeof privateNetworking !== 'boolean') return {};
  if (!Array.isArray(sshKeyIds) || !sshKeyIds.every(isId)) return {};
  return { options: { ipv6, privateNetworking, sshKeyIds } };
}

function signedText(value: Readonly<Record<string, unknown>>): string {
  const { at, name, uid, after, owner, nameless, replaces, tries, options } = value;
  return JSON.stringify(['create', at, name, uid, after, owner, nameless, replaces, tries, options]);
}

/** Epoch milliseconds: `at` by our clock, `after` by the provider's. `hash`: with the API key of the call. */
export function writeIntent(
  meta: ObjectMeta,
  intent: {
    readonly at: number;
    readonly name: string;
    readonly after?: number | undefined;
    readonly ownerId?: number | undefined;
    readonly nameless?: readonly number[];
    readonly replaces?: number | undefined;
    readonly tries?: number;
    readonly options?: CreationOptions | undefined;
  },
  hash: (text: string) => string,
): string {
  const { at, name, after, ownerId: owner, nameless = [], replaces, tries = 1, options } = intent;
  const value = {
    at: new Date(at).toISOString(),
    name,
    uid: meta.uid,
    ...(after === undefined ? {} : { after: new Date(after).toISOString() }),
    ...(owner === undefined ? {} : { owner }),
    ...(nameless.length === 0 ? {} : { nameless: nameless.slice(0, maxNameless) }),
    ...(replaces === undefined ? {} : { replaces }),
    ...(tries === 1 ? {} : { tries }),
    ...(options === undefined ? {} : { options }),
  };
  return JSON.stringify({ ...value, proof: hash(signedText(value)) });
}

/** The input of the keyed hash `status.internal.apiKeyHash`. */
export function keyText({ uid }: ObjectMeta): string {
  return JSON.stringify(['key', uid]);
}

function isId(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1;
}

/** The fields of a JSON object; no fields for any other text. */
function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    return fieldsOf(JSON.parse(text));
  } catch {
    return {};
  }
}

export function hasFinalizer({ metadata }: VirtualMachine): boolean {
  return metadata.finalizers?.includes(finalizer) === true;
}

/** Whether the finalizer, a create intent or a hint is there, one of which is stored before any VM exists. A tenant can write all three. */
export function isMarked(object: VirtualMachine): boolean {
  const notes = object.metadata.annotations;
  return hasFinalizer(object) || (notes?.[annotations.createPending] ?? notes?.[annotations.machine]) !== undefined;
}
