import { isRecord } from '../../domain/json.ts';
import type { ProviderId } from '../../domain/machine.ts';

/**
 * Reads the provider's JSON field by field, and unwraps items. Throws `WireError` for anything that must not be
 * guessed. Its message names the field and never the value, which may be a password.
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
    // JSON.parse quotes the text in its message, so its error isn't passed on.
    throw new WireError('the answer is not JSON');
  }
}

/** The id in `value`: a positive safe integer, as a number or in digits. */
export function optionalId(value: unknown): ProviderId | undefined {
  const id = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value;
  return typeof id === 'number' && Number.isSafeInteger(id) && id > 0 ? id : undefined;
}

export function requiredId(value: unknown, what: string): ProviderId {
  const id = optionalId(value);
  if (id === undefined) throw new WireError(`${what} has no usable id`);
  return id;
}

/** A count or an amount. Anything else counts as missing. */
export function optionalAmount(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;
}

/** No catalog has more entries. */
const maxIds = 10_000;

/** All ids of a list; undefined if one is unreadable, because the list would then deny what the provider offers. */
export function optionalIds(value: unknown): readonly ProviderId[] | undefined {
  if (!Array.isArray(value) || value.length > maxIds) return undefined;
  const ids = value.map(optionalId);
  return ids.every((id) => id !== undefined) ? ids : undefined;
}

/** Already in the form of `Date.toISOString`. Days that some months lack are parsed instead. */
const isoTime = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;

/** The longest valid form. A longer text isn't matched against any pattern. */
const longestTime = 64;

/** The tolerance for wrong clocks and time zones. */
const maxAhead = 24 * 60 * 60_000;

/**
 * RFC 3339 in UTC, as `Date.toISOString` formats it. A time without a zone is ambiguous, so it is dropped. So is a time
 * more than a day after `now`: no VM was changed then, and Kubernetes refuses a year of five digits.
 */
export function optionalTime(value: unknown, now: number): string | undefined {
  if (typeof value !== 'string' || value.length > longestTime) return undefined;
  // A list has two for each machine, and parsing a date takes longer than the rest of a machine.
  const isWritten = isoTime.test(value);
  if (!isWritten && !/^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:?\d{2})$/i.test(value))
    return undefined;
  const time = Date.parse(value);
  if (Number.isNaN(time) || time < 0 || time > now + maxAhead) return undefined;
  return isWritten ? value : new Date(time).toISOString();
}

/** Whether the body of a 2xx reports a failure. */
export function reportsFailure(body: WireObject): boolean {
  if (isSaid(body['error']) || isSaid(body['errors'])) return true;
  const { status } = body;
  return status !== undefined && status !== null && !(typeof status === 'string' && status.toLowerCase() === 'success');
}

function isSaid(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return value !== undefined && value !== null && value !== false && value !== '';
}

/** Unwraps an item, if it is wrapped. */
export function unwrapItem(value: unknown, wrappers: readonly string[]): WireObject {
  if (!isRecord(value)) throw new WireError('an item is not an object');
  for (const wrapper of wrappers) {
    const inner = value[wrapper];
    if (isRecord(inner)) return inner;
  }
  return value;
}

/** Refuses a list with a duplicate id, because either entry may be the right one. */
export function requireUniqueIds<T extends { readonly id: ProviderId }>(items: readonly T[]): readonly T[] {
  if (new Set(items.map((item) => item.id)).size !== items.length) throw new WireError('two items have the same id');
  return items;
}
