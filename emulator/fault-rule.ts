import type { Operation } from './operations.ts';

/** What goes wrong. Bodies that are no strings are sent as JSON. */
export type FaultAction =
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly body?: unknown;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Milliseconds by the emulator's clock. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** Never answered; the connection stays open. */
  | { readonly kind: 'hang' }
  | { readonly kind: 'reset' }
  /** So many bytes of the answer (half, by default), then the connection is cut. */
  | { readonly kind: 'truncate'; readonly bytes?: number }
  | { readonly kind: 'garbage' }
  | { readonly kind: 'html'; readonly status?: number }
  | { readonly kind: 'redirect'; readonly to: string; readonly status?: number }
  /** `retryAfter` is sent as it stands, sensible or not; without it there is no such header. */
  | { readonly kind: 'rate-limit'; readonly retryAfter?: string; readonly status?: number }
  /** The answer, so many bytes every so many milliseconds. */
  | { readonly kind: 'drip'; readonly bytes: number; readonly everyMs: number }
  /** A 200 of so many bytes (3 MiB by default) of white space. */
  | { readonly kind: 'oversize'; readonly bytes?: number }
  /** What the same call was answered first, as from a cache that nobody refreshes. */
  | { readonly kind: 'replay' }
  /** A list with only the first half of its items. */
  | { readonly kind: 'half-list' }
  | { readonly kind: 'empty-list' }
  /** Other fields in a VM or catalogue entry, in a list or by itself: of all, or of those with this id. */
  | { readonly kind: 'edit'; readonly fields: Readonly<Record<string, unknown>>; readonly id?: number };

/**
 * `before`: it strikes as the call arrives, and the call has no effect, except that after a delay it goes on.
 * `after`: the call has its effect, and its answer suffers.
 * `instead`: no effect; what is left to answer with (after a delay, truncated, dripping) is a made-up success.
 * A read has no effect to prevent, so what is truncated or dripped then is always its true answer.
 */
export type FaultWhen = 'before' | 'after' | 'instead';

/** Which calls suffer. What is left out matches every call. */
export interface FaultMatch {
  readonly method?: string;
  /** A path in which `{id}` is any number, or an expression. */
  readonly path?: string | RegExp;
  readonly operation?: Operation;
  readonly key?: string;
  /** The machine's name: the one asked for on a create, else the one behind the id. */
  readonly machine?: string | RegExp;
}

export interface FaultRule extends FaultMatch {
  readonly when: FaultWhen;
  readonly action: FaultAction;
  /** From which matching call on it strikes; 1 (the default) is the first. */
  readonly nth?: number;
  /** How often it strikes; 1 by default. */
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

/** Fields of each kind of action; those with a `?` may be left out. */
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

/** Judges a rule that came as JSON; a string is the sentence that says what is wrong with it. */
export function readFaultRule(value: unknown): FaultRule | string {
  if (!isObject(value)) return 'A fault is a JSON object.';
  const problem = complaint(value, ruleFields, 'fault');
  if (problem !== undefined) return problem;
  // `action` was just seen to be an object.
  const action = value['action'] as Fields;
  const { kind, ...rest } = action;
  const fields = Object.entries(actionFields).find(([name]) => name === kind)?.[1];
  if (fields === undefined) return `A fault's action has a kind: ${Object.keys(actionFields).join(', ')}.`;
  // Every field was checked against the two tables above, which mirror the types.
  return complaint(rest, fields, `fault of kind ${String(kind)}`) ?? (value as unknown as FaultRule);
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function complaint(value: Fields, fields: Readonly<Record<string, Check>>, what: string): string | undefined {
  for (const [field, check] of Object.entries(fields)) {
    const name = field.replace('?', '');
    if (value[name] === undefined ? !field.endsWith('?') : !check(value[name])) {
      return `A ${what} needs a usable "${name}".`;
    }
  }
  const known = new Set(Object.keys(fields).map((field) => field.replace('?', '')));
  const unknown = Object.keys(value).find((name) => !known.has(name));
  return unknown === undefined ? undefined : `A ${what} has no "${unknown}".`;
}
