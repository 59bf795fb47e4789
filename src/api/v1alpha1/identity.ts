import { annotations } from './names.ts';
import type { ObjectMeta, VirtualMachine } from './types.ts';

const maxNameLength = 63;
const suffixLength = 8;

/** The machine's name at the provider: the spec's, or one that carries this object's UID and so proves itself. */
export function providerName(object: VirtualMachine): string {
  return object.spec.providerName ?? nameWithUid(object.metadata);
}

/** Whether the provider name carries this very object's UID, so that nobody else can have made a machine of it. */
export function isNameOwn(object: VirtualMachine): boolean {
  return providerName(object) === nameWithUid(object.metadata);
}

function nameWithUid(meta: ObjectMeta): string {
  const suffix = meta.uid.replaceAll('-', '').slice(0, suffixLength);
  const head = meta.name.slice(0, maxNameLength - suffixLength - 1).replace(/[-.]+$/, '');
  return `${head}-${suffix}`;
}

/**
 * Which machine the object says is its own, read from the annotation that survives backups. An update that replaces all
 * annotations (`kubectl replace`) takes it away; then the status counts, if it was written for this very name.
 * `Foreign`: the annotation was written for another object. `Malformed`: someone edited it; nobody acts on it.
 */
export type Identity =
  | { readonly kind: 'None' }
  | { readonly kind: 'Known'; readonly id: number }
  | { readonly kind: 'Foreign'; readonly uid: string }
  | { readonly kind: 'Malformed' };

export function readIdentity(object: VirtualMachine): Identity {
  const meta = object.metadata;
  const text = meta.annotations?.[annotations.machine];
  if (text === undefined) {
    const { id, providerName: name } = object.status ?? {};
    return id !== undefined && name === providerName(object) ? { kind: 'Known', id } : { kind: 'None' };
  }
  const value = parseObject(text);
  const { id, uid } = value ?? {};
  if (typeof id !== 'number' || !Number.isSafeInteger(id) || id < 1 || typeof uid !== 'string')
    return { kind: 'Malformed' };
  return uid === meta.uid ? { kind: 'Known', id } : { kind: 'Foreign', uid };
}

export function writeIdentity(meta: ObjectMeta, id: number): string {
  return JSON.stringify({ id, uid: meta.uid });
}

/** A create call that was about to be sent. Also one that cannot be read, or was copied, says that something may be there. */
export interface Intent {
  /** Whether it was announced for this very object: only then is a machine of the name ours by it. */
  readonly isOwn: boolean;
}

/** Reads the annotation's text, found in the object with this UID. */
export function readIntent(text: string | undefined, uid: string): Intent | undefined {
  return text === undefined ? undefined : { isOwn: parseObject(text)?.['uid'] === uid };
}

/** `at` in epoch milliseconds. */
export function writeIntent(meta: ObjectMeta, at: number, name: string): string {
  return JSON.stringify({ at: new Date(at).toISOString(), name, uid: meta.uid });
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
