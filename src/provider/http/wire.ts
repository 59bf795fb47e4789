import type { ProviderId } from '../../model/machine.ts';

/**
 * What the provider's JSON looks like: reading it field by field, and the envelopes that lists and items come in.
 * `WireError` is thrown for anything that must not be guessed at; its message names the place and never the value,
 * because the value may be a password.
 */
export class WireError extends Error {
  override readonly name = 'WireError';
}

export type WireObject = Readonly<Record<string, unknown>>;

export function parseJson(body: string): unknown {
  if (body.trim() === '') throw new WireError('the answer is empty');
  try {
    return JSON.parse(body);
  } catch {
    // JSON.parse quotes the text in its message: not passed on.
    throw new WireError('the answer is not JSON');
  }
}

export function isWireObject(value: unknown): value is WireObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The id that `value` denotes: a safe positive integer, as a number or in digits. */
export function optionalId(value: unknown): ProviderId | undefined {
  const id = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value;
  return typeof id === 'number' && Number.isSafeInteger(id) && id > 0 ? id : undefined;
}

export function requiredId(value: unknown, what: string): ProviderId {
  const id = optionalId(value);
  if (id === undefined) throw new WireError(`${what} has no usable id`);
  return id;
}

export function requiredString(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new WireError(`${what} is missing`);
  return value;
}

/** A text of at most so many characters; a longer one is no name of anything, and Kubernetes would not store it. */
export function optionalString(value: unknown, longest = 255): string | undefined {
  return typeof value === 'string' && value !== '' && value.length <= longest ? value : undefined;
}

/** A count or an amount; whatever cannot be one is as good as missing. */
export function optionalAmount(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;
}

/** All ids of a list, or undefined: with one of them unreadable the list would deny what the provider offers. */
export function optionalIds(value: unknown): readonly ProviderId[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const ids = value.map(optionalId);
  return ids.every((id) => id !== undefined) ? ids : undefined;
}

/** What `Date.toISOString` would make of it is what it is already. Days that not every month has are looked at more closely. */
const isoTime = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;

/** RFC 3339 in UTC, as `Date.toISOString` has it. A time without a zone could be any hour, so it is dropped. */
export function optionalTime(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  // A list has two for each machine, and reading a date takes longer than all the rest of a machine.
  if (isoTime.test(value)) return value;
  if (!/^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:?\d{2})$/i.test(value)) return undefined;
  const time = Date.parse(value);
  return Number.isNaN(time) ? undefined : new Date(time).toISOString();
}

/** What a body says of itself besides its content: a failure told with a 2xx. */
export function tellsFailure(body: WireObject): boolean {
  if (isSaid(body['error']) || isSaid(body['errors'])) return true;
  const { status } = body;
  return status !== undefined && status !== null && !(typeof status === 'string' && status.toLowerCase() === 'success');
}

function isSaid(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return value !== undefined && value !== null && value !== false && value !== '';
}

/** Takes an item out of its wrapper, if it has one. */
export function unwrapItem(value: unknown, wrappers: readonly string[]): WireObject {
  if (!isWireObject(value)) throw new WireError('an item is not an object');
  for (const wrapper of wrappers) {
    const inner = value[wrapper];
    if (isWireObject(inner)) return inner;
  }
  return value;
}

/**
 * The items of a list: a bare array, or an object that holds exactly one array, under one of the known names.
 * Anything else is refused: an error object with an empty `errors` array must never look like an empty list.
 */
export function readList(body: unknown, names: readonly string[]): readonly unknown[] {
  if (Array.isArray(body)) return body;
  if (!isWireObject(body)) throw new WireError('the list is neither an array nor an object');
  if (tellsFailure(body)) throw new WireError('the list tells of a failure');
  const arrays = Object.entries(body).filter(([, value]) => Array.isArray(value));
  const [only] = arrays;
  if (only === undefined || arrays.length > 1 || !names.includes(only[0]) || !Array.isArray(only[1])) {
    throw new WireError('the list is an object without exactly one known array');
  }
  return only[1];
}

/** Refuses a list that names one id twice: which of the two is true cannot be told. */
export function requireUniqueIds<T extends { readonly id: ProviderId }>(items: readonly T[]): readonly T[] {
  if (new Set(items.map((item) => item.id)).size !== items.length) throw new WireError('two items have the same id');
  return items;
}
