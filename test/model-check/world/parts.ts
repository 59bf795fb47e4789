import type { Parts } from '../state.ts';

/** An account as data. A field that is added to the account is part of it without further work. */

/**
 * What is not restored: slots, because nothing waits for one between two steps; the rate, which is not limited; the catalog, which is
 * always the same; and what only the time of the next list depends on.
 */
const omitted: ReadonlySet<string> = new Set([
  '$scheduler',
  '$bucket',
  '$catalog',
  '$settings',
  '$abort',
  '$fastPolling',
  'fastPolling',
  '$lastList',
  '$lastRead',
  '$fastInterval',
  '$idleInterval',
  '$isListing',
  '$isReading',
  '$isStopped',
  '$cancelTimer',
  'failures',
]);

/**
 * The fields of the account and of its parts, except `ended` ones and what they were given: functions, and objects that have some.
 */
export function partsOf(account: object, ended: ReadonlySet<string>): Parts {
  const unused = new Set(isChecked ? [] : [...omitted, ...ended]);
  const seen = new Set<object>();
  const fieldsOf = (part: object): Parts => {
    seen.add(part);
    checkOpen(part);
    const fields: Record<string, unknown> = {};
    // `as`: any value.
    for (const [name, value] of Object.entries(part) as [string, unknown][]) {
      unused.delete(name);
      if (omitted.has(name) || ended.has(name) || !isData(value)) continue;
      if (!isPart(value)) fields[name] = copyOf(value, unused);
      else if (!seen.has(value)) fields[name] = fieldsOf(value);
    }
    return fields;
  };
  const parts = fieldsOf(account);
  if (unused.size > 0) throw new Error(`the account has no ${[...unused].join(', ')}`);
  isChecked = true;
  return parts;
}

/** Whether the account has every field in `omitted`. */
let isChecked = false;

const openClasses = new WeakSet<object>();

/** A private field would be lost without notice. */
function checkOpen({ constructor }: object): void {
  if (openClasses.has(constructor)) return;
  if (String(constructor).includes('this.#')) throw new Error(`${constructor.name} is missing from \`stateful\``);
  openClasses.add(constructor);
}

export function assignParts(target: object, parts: Parts): void {
  // `as`: any object has fields.
  const fields = target as Record<string, unknown>;
  for (const [name, value] of Object.entries(parts)) {
    const part = fields[name];
    // `as`: a part was stored as its fields.
    if (isPart(part)) assignParts(part, value as Parts);
    else fields[name] = copyOf(value);
  }
}

/** An object of a class of the operator. */
function isPart(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  return !Array.isArray(value) && !(value instanceof Map) && !(value instanceof Set) && !isPlain(value);
}

function isPlain(value: object): boolean {
  return Object.getPrototypeOf(value) === Object.prototype;
}

function isData(value: unknown): boolean {
  if (typeof value === 'function') return false;
  if (typeof value !== 'object' || value === null || !isPlain(value)) return true;
  return Object.values(value).every((field) => typeof field !== 'function');
}

/** `unused`: the omitted fields that were not found yet. */
function copyOf(value: unknown, unused?: Set<string>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Map)
    return new Map([...value].map(([key, item]: [unknown, unknown]) => [key, copyOf(item, unused)]));
  if (value instanceof Set) return new Set(value);
  if (Array.isArray(value)) return value.map((item) => copyOf(item, unused));
  if (isPart(value)) throw new Error(`a ${value.constructor.name} in a collection can't be restored`);
  const fields = Object.entries(value) as [string, unknown][];
  for (const [name] of fields) unused?.delete(name);
  return Object.fromEntries(
    fields.filter(([name]) => !omitted.has(name)).map(([name, field]) => [name, copyOf(field, unused)]),
  );
}

export function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (a instanceof Map || a instanceof Set) return (b instanceof Map || b instanceof Set) && isEqual([...a], [...b]);
  const [some, others] = [Object.entries(a) as [string, unknown][], b as Readonly<Record<string, unknown>>];
  return (
    some.length === Object.keys(b).length && some.every(([name, field]) => name in b && isEqual(field, others[name]))
  );
}
