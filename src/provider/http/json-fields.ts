import type { ProviderId } from '../../domain/machine.ts';

/**
 * What the provider's JSON looks like: reading it field by field, and the envelopes that items come in.
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

/** A count or an amount; whatever cannot be one is as good as missing. */
export function optionalAmount(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;
}

/** No catalogue has more. */
const mostIds = 10_000;

/** All ids of a list, or undefined: with one of them unreadable the list would deny what the provider offers. */
export function optionalIds(value: unknown): readonly ProviderId[] | undefined {
  if (!Array.isArray(value) || value.length > mostIds) return undefined;
  const ids = value.map(optionalId);
  return ids.every((id) => id !== undefined) ? ids : undefined;
}

/** Already in the form of `Date.toISOString`. Days that not every month has are parsed instead. */
const isoTime = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;

/** The longest way to write one; a longer text meets no pattern. */
const longestTime = 64;

/** Clocks and time zones may be off by so much. */
const mostAhead = 24 * 60 * 60_000;

/**
 * RFC 3339 in UTC, as `Date.toISOString` has it. A time without a zone could be any hour, so it is dropped, and so is one that
 * lies more than a day ahead of `now`: no VM was changed then, and Kubernetes refuses a year of five digits.
 */
export function optionalTime(value: unknown, now: number): string | undefined {
  if (typeof value !== 'string' || value.length > longestTime) return undefined;
  // A list has two for each machine, and reading a date takes longer than all the rest of a machine.
  const isWritten = isoTime.test(value);
  if (!isWritten && !/^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:?\d{2})$/i.test(value))
    return undefined;
  const time = Date.parse(value);
  if (Number.isNaN(time) || time < 0 || time > now + mostAhead) return undefined;
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

/** Takes an item out of its wrapper, if it has one. */
export function unwrapItem(value: unknown, wrappers: readonly string[]): WireObject {
  if (!isWireObject(value)) throw new WireError('an item is not an object');
  for (const wrapper of wrappers) {
    const inner = value[wrapper];
    if (isWireObject(inner)) return inner;
  }
  return value;
}

/** Refuses a list that names one id twice, because it is unknown which of the two is true. */
export function requireUniqueIds<T extends { readonly id: ProviderId }>(items: readonly T[]): readonly T[] {
  if (new Set(items.map((item) => item.id)).size !== items.length) throw new WireError('two items have the same id');
  return items;
}
