import type { Operation } from './operations.ts';

/** What goes wrong. A body that isn't a string is sent as JSON. */
export type FaultAction =
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly body?: unknown;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Milliseconds by the emulator's clock. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** No response; the connection stays open. */
  | { readonly kind: 'hang' }
  | { readonly kind: 'reset' }
  /** The first bytes of the response (half of it by default), then the connection is closed. */
  | { readonly kind: 'truncate'; readonly bytes?: number }
  | { readonly kind: 'garbage' }
  | { readonly kind: 'html'; readonly status?: number }
  | { readonly kind: 'redirect'; readonly to: string; readonly status?: number }
  /** `retryAfter` is sent as given, valid or not; without it the header is missing. */
  | { readonly kind: 'rate-limit'; readonly retryAfter?: string; readonly status?: number }
  /** The response, `bytes` at a time, every `everyMs` milliseconds. */
  | { readonly kind: 'drip'; readonly bytes: number; readonly everyMs: number }
  /** A 200 with a body of this many bytes (3 MiB by default) of white space. */
  | { readonly kind: 'oversize'; readonly bytes?: number }
  /** The first response to the same call, as from a cache that is never refreshed. */
  | { readonly kind: 'replay' }
  /** A list with only the first half of its items. */
  | { readonly kind: 'half-list' }
  | { readonly kind: 'empty-list' }
  /** Other fields in a VM or catalog entry, in a list or alone: in all entries, or in the one with this id. */
  | { readonly kind: 'edit'; readonly fields: Readonly<Record<string, unknown>>; readonly id?: number };

/**
 * `before`: the fault applies when the call arrives, and the call has no effect; after a delay it continues normally.
 * `after`: the call has its effect, and the fault applies to its response. `instead`: no effect, but a response (after
 * a delay, truncated, dripping) that reports success. A read has no effect, so for reads the response is always the
 * true one.
 */
export type FaultWhen = 'before' | 'after' | 'instead';

/** Which calls the fault applies to. A missing field matches every call. */
export interface FaultMatch {
  readonly method?: string;
  /** A path in which `{id}` is any number, or a regular expression. */
  readonly path?: string | RegExp;
  readonly operation?: Operation;
  readonly key?: string;
  /** The name of the VM: for a create the requested one, otherwise that of the VM with the id. */
  readonly machine?: string | RegExp;
}

export interface FaultRule extends FaultMatch {
  readonly when: FaultWhen;
  readonly action: FaultAction;
  /** The first matching call that the fault applies to; 1 by default. */
  readonly nth?: number;
  /** How many calls the fault applies to; 1 by default. */
  readonly times?: number | 'always';
}

type Fields = Readonly<Record<string, unknown>>;
type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === 'string';
const isCount: Check = (value) => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
const isStatus: Check = (value) => isCount(value) && Number(value) >= 200 && Number(value) <= 599;
const isPositive: Check = (value) => isCount(value) && value !== 0;
const isAnything: Check = () => true;
const isHeaders: Check = (value) => isObject(value) && Object.values(value).every(isText);

/** The fields of each kind of action; those with a `?` are optional. */
const actionFields: Readonly<Record<FaultAction['kind'], Readonly<Record<string, Check>>>> = {
  status: { status: isStatus, 'body?': isAnything, 'headers?': isHeaders },
  delay: { ms: isCount },
  hang: {},
  reset: {},
  truncate: { 'bytes?': isCount },
  garbage: {},
  html: { 'status?': isStatus },
  redirect: { to: isText, 'status?': isStatus },
  'rate-limit': { 'retryAfter?': isText, 'status?': isStatus },
  drip: { bytes: isPositive, everyMs: isCount },
  oversize: { 'bytes?': isCount },
  replay: {},
  'half-list': {},
  'empty-list': {},
  edit: { fields: isObject, 'id?': isPositive },
};

const ruleFields: Readonly<Record<string, Check>> = {
  when: (value) => value === 'before' || value === 'after' || value === 'instead',
  action: isObject,
  'method?': isText,
  'path?': isText,
  'operation?': isText,
  'key?': isText,
  'machine?': isText,
  'nth?': isPositive,
  'times?': (value) => value === 'always' || isPositive(value),
};

/** Validates a rule from JSON; a string is a sentence that says what is wrong with it. */
export function readFaultRule(value: unknown): FaultRule | string {
  if (!isObject(value)) return 'A fault must be a JSON object.';
  const problem = complaint(value, ruleFields, 'fault');
  if (problem !== undefined) return problem;
  // `as`: checked to be an object above.
  const action = value['action'] as Fields;
  const { kind, ...rest } = action;
  const fields = Object.entries(actionFields).find(([name]) => name === kind)?.[1];
  if (fields === undefined) return `A fault's action must have a kind: ${Object.keys(actionFields).join(', ')}.`;
  // `as`: every field was checked against the two tables above, which mirror the types.
  return complaint(rest, fields, `fault of kind ${String(kind)}`) ?? (value as unknown as FaultRule);
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function complaint(value: Fields, fields: Readonly<Record<string, Check>>, what: string): string | undefined {
  for (const [field, check] of Object.entries(fields)) {
    const name = field.replace('?', '');
    if (value[name] === undefined ? !field.endsWith('?') : !check(value[name])) {
      return `A ${what} needs a valid "${name}".`;
    }
  }
  const known = new Set(Object.keys(fields).map((field) => field.replace('?', '')));
  const unknown = Object.keys(value).find((name) => !known.has(name));
  return unknown === undefined ? undefined : `A ${what} has no "${unknown}".`;
}
