import { annotations } from '../../src/api/v1alpha1/constants.ts';
import type { Condition, VirtualMachine, VirtualMachineStatus } from '../../src/api/v1alpha1/types.ts';
import { isInTransit } from './world/fake-provider.ts';
import type { AccountState, Answer, Reconciliation, Request, ProviderState, ProviderMachine, State } from './state.ts';
import { dawn, tickOf } from './time.ts';

/**
 * What makes two states the same. A time counts in two ways only: by its age in ticks, up to the longest wait that begins
 * with it, and by its order among the times it is compared with. What may still go wrong is compared by the checker. Everything else
 * counts as it is.
 *
 * A time that is new in the operator is aged up to `longestWait`. If a longer wait begins with it, or none, it belongs
 * into `ages`; if it is compared with other times than the present, into one of the `orders`.
 */
const longestWait = 2;
/** The pauses of a call that shows no effect grow: the third ends after ten and a half ticks. */
const longestPause = 11;

/** Ticks after which a time by this name has no further consequence; 0: no wait begins with it. */
const ages: Readonly<Record<string, number>> = {
  lastTransitionTime: 1,
  doubtSince: 3,
  repeatedAt: longestPause,
  deleteAcceptedAt: 3,
  deadlineTime: 0,
  lastTime: 0,
  creationTimestamp: 0,
  deletionTimestamp: 0,
  message: 0,
  firstSeenAt: 0,
  lastUpAt: 0,
  lastDownAt: 0,
  previousActionTime: 0,
  subscribedSince: 0,
  'result.startedAt': 0,
  'read.startedAt': 0,
  'absences.since': 4,
  'read.answeredAt': 1,
  'snapshot.answeredAt': 1,
  'writes.answeredAt': 0,
  recreationSlot: 0,
  last: 0,
  lastUsed: 0,
  createdAt: 0,
  creationTime: 0,
  madeAt: 0,
  actedAt: 0,
  updatedAt: 0,
  updatedAtWhenUp: 0,
  [annotations.createPending]: 0,
  sentIntent: 0,
  refusedIntent: 0,
  refusedAt: 0,
  settledIntent: 0,
};

/** Counts that make no difference beyond this. */
const counts: Readonly<Record<string, number>> = { emptyLists: 3, 'absences.lists': 3 };

/** Times that are compared with each other. */
const orders: readonly ReadonlySet<string>[] = [
  // What a list says, or the read of a VM, depends on when it started.
  'snapshot.startedAt listing.startedAt result.startedAt read.startedAt writes.answeredAt firstSeenAt relistAfter requestedAt refusedAt ' +
    'firstListWithout absences.since listAfter machineAfter suspectedAt subscribedSince',
  // Whether a VM came up, or went down, after it was called.
  'lastUpAt lastDownAt operationStartedAt repeatedAt',
  // Whether a create intent is the one that was sent, or was settled.
  `${annotations.createPending} sentIntent refusedIntent settledIntent`,
  // The provider's clock: whether the VM was changed outside the operator.
  'createdAt creationTime madeAt actedAt updatedAt previousActionTime updatedAtWhenUp',
].map((names) => new Set(names.split(' ')));

const ownedNames: ReadonlySet<string> = new Set(
  [...Object.keys(ages), ...Object.keys(counts), ...orders.flatMap((names) => [...names])].filter((name) =>
    name.includes('.'),
  ),
);

/** Times that count only while a create call may have been sent. */
const ofCreates: ReadonlySet<string> = new Set(['actingSince', 'intentSentAt']);

/** A part of a state without its times: known by a number once it was written down. */
interface Part {
  readonly number: number;
  readonly times: readonly Time[];
}

interface Time {
  readonly at: number;
  readonly tick: number;
  readonly longest: number;
  /** Which of the orders it belongs to; -1: none. */
  readonly order: number;
  readonly isOfCreate: boolean;
}

function timeOf(name: string, at: number): Time {
  return {
    at,
    tick: tickOf(at),
    longest: ages[name] ?? longestWait,
    order: orders.findIndex((names) => names.has(name)),
    isOfCreate: ofCreates.has(name),
  };
}

const nothing: Part = { number: 0, times: [] };

/** A function that gives states their keys; keys of two such functions have nothing to do with each other. */
export function createKeys(): (state: State) => string {
  const numbers = new Map<string, number>();
  // A field that no copy takes along. A WeakMap of so many would keep the garbage collector busy.
  const mark = Symbol('part');

  function partOf<T extends object>(value: T | undefined, live: (value: T) => unknown = (same) => same): Part {
    if (value === undefined) return nothing;
    // `as`: any object may have the field.
    const known = (value as { readonly [mark]?: Part })[mark];
    if (known !== undefined) return known;
    const { text, times } = new Writer().write(live(value));
    const number = numbers.get(text) ?? numbers.size + 1;
    numbers.set(text, number);
    const part = { number, times };
    Object.defineProperty(value, mark, { value: part });
    return part;
  }

  function partsOf({ cluster, providerState, operator }: State): Part[] {
    const parts = [
      partOf(cluster.object, liveObject),
      partOf(operator.cache, liveObject),
      partOf(cluster.gone, liveObject),
      partOf(operator.objectState),
      partOf(operator.reconciliation, liveReconciliation),
      partOf(operator.reconciliation?.object, liveObject),
      partOf(providerState, liveProvider),
    ];
    for (const machine of providerState.machines) parts.push(partOf(machine, liveMachine));
    for (const account of Object.values(operator.accounts)) {
      parts.push(partOf(account, liveAccount));
      for (const machine of account.snapshot?.machines ?? []) parts.push(partOf(machine));
    }
    return parts;
  }

  return (state) => {
    const { now, cluster, operator, doubtSince } = state;
    const { dueAt, objectState, cache } = operator;
    const times = [timeOf('actingSince', operator.leadingSince)];
    if (dueAt !== undefined) times.push(timeOf('dueAt', dueAt));
    if (doubtSince !== undefined) times.push(timeOf('doubtSince', doubtSince));
    const codes: number[] = [
      bits(
        cache?.metadata.resourceVersion !== cluster.object?.metadata.resourceVersion,
        operator.isDue,
        dueAt === undefined,
        doubtSince === undefined,
        cluster.secret.keyOf === 'own',
        cluster.secret.keyOf === 'other',
      ),
      cluster.secret.version,
      cluster.secret.isUninstalled === true ? 1 : 0,
    ];
    for (const part of partsOf(state)) {
      codes.push(part.number & 0xff_ff, part.number >> 16);
      for (const time of part.times) times.push(time);
    }
    const mayBeCreating =
      cluster.object?.metadata.annotations?.[annotations.createPending] !== undefined ||
      objectState?.['sentIntent'] !== undefined;
    const present = tickOf(now);
    for (const { tick, longest, isOfCreate } of times) {
      const age = isOfCreate && !mayBeCreating ? 0 : Math.min(present - tick, longest);
      // Negative while it is still to come.
      codes.push(age + 1000);
    }
    pushRanks(codes, times, now);
    return String.fromCharCode(...codes);
  };
}

function bits(...flags: readonly boolean[]): number {
  return flags.reduce((sum, flag, index) => sum + (flag ? 2 ** index : 0), 0);
}

/** For each time how many of those that it is compared with were earlier, and how it compares with what starts now. */
function pushRanks(codes: number[], times: readonly Time[], now: number): void {
  const compared = times.filter(({ order }) => order !== -1);
  for (const { at, order } of compared) {
    let rank = 0;
    for (const other of compared) if (other.order === order && other.at < at) rank += 1;
    codes.push(rank * 3 + 1 + Math.sign(at - now));
  }
}

const isoTime = /\d{4}-\d\d-\d\dT[\d:.]+Z/g;
const shortestIso = 20;

/** Plain data as text, fields in alphabetical order, with the times taken out of it. */
class Writer {
  text = '';
  readonly times: Time[] = [];

  /** `owner`: the field that contains this one. */
  write(value: unknown, name = '', owner = ''): this {
    if (typeof value === 'number') this.#writeNumber(value, nameOf(name, owner));
    else if (typeof value === 'string') this.#writeString(value, nameOf(name, owner));
    else if (value instanceof Set || Array.isArray(value)) {
      this.text += '[';
      // `as`: of values that are written in the same way.
      for (const item of value as Iterable<unknown>) this.write(item, name, owner);
    } else if (value instanceof Map) {
      this.text += '<';
      // `as`: any Map has entries.
      for (const [key, item] of value as ReadonlyMap<unknown, unknown>) this.write(key).write(item, name, owner);
    } else if (typeof value === 'object' && value !== null) this.#writeFields(value, name);
    else this.text += String(value);
    this.text += ',';
    return this;
  }

  #writeFields(value: object, owner: string): void {
    this.text += '{';
    // `as`: any object can be asked for its properties.
    const fields = value as Readonly<Record<string, unknown>>;
    for (const field of Object.keys(value).toSorted()) {
      // Of all versions only the newest is distinguished, elsewhere.
      if (fields[field] === undefined || field === 'resourceVersion') continue;
      this.text += `${field}:`;
      // The prefix of a private field that was made accessible.
      this.write(fields[field], field.replace(/^\$/, ''), owner);
    }
  }

  #writeNumber(value: number, name: string): void {
    if (value >= dawn && value < Infinity) this.#take(value, name);
    else this.text += Math.min(value, counts[name] ?? value);
  }

  #writeString(value: string, name: string): void {
    this.text +=
      value.length < shortestIso
        ? value
        : value.replaceAll(isoTime, (time) => {
            this.#take(Date.parse(time), name);
            return '';
          });
  }

  #take(at: number, name: string): void {
    this.times.push(timeOf(name, at));
    this.text += '@';
  }
}

/** With the field that contains it, where several have one of that name. */
function nameOf(name: string, owner: string): string {
  return ownedNames.has(`${owner}.${name}`) ? `${owner}.${name}` : name;
}

function liveObject({ metadata, spec, status }: VirtualMachine): unknown {
  return { metadata, spec, status: liveStatus(status) };
}

/** With the start of an operation distinguished from that of a list, and from that of one whose call was sent again. */
function liveStatus({ operation, conditions, ...rest }: Partial<VirtualMachineStatus> = {}): unknown {
  const since = (operation?.attempts ?? 1) > 1 ? 'repeatedAt' : 'operationStartedAt';
  return {
    ...rest,
    // A merge patch removes it by null.
    operation: operation && { ...operation, startTime: undefined, [since]: operation.startTime },
    // Of all conditions only since when the object is Ready is ever looked at.
    conditions: conditions?.map(liveCondition),
  };
}

function liveCondition(condition: Condition): Condition {
  return condition.type === 'Ready' ? condition : { ...condition, lastTransitionTime: '' };
}

/** The machines of its list are separate parts. */
function liveAccount({ parts, snapshot, read, listing }: AccountState): unknown {
  const { startedAt, answeredAt, machines } = snapshot ?? {};
  return { parts, snapshot: { startedAt, answeredAt, length: machines?.length }, read, listing };
}

/** The VMs are separate parts. */
function liveProvider({ machines, ...providerState }: ProviderState): unknown {
  return { ...providerState, length: machines.length };
}

/** When a VM changed counts as long as something is to come of it. */
function liveMachine(machine: ProviderMachine): unknown {
  return isInTransit(machine) ? machine : { ...machine, changedAt: undefined };
}

/** Its object is a separate part; the objects in its answers, and the status that it writes, count as the stored ones do. */
function liveReconciliation({ object: _object, answers, asks, ...reconciliation }: Reconciliation): unknown {
  return { ...reconciliation, answers: answers.map(liveAnswer), asks: liveRequest(asks) };
}

function liveAnswer(answer: Answer): unknown {
  const cache = answer.cache && liveObject(answer.cache);
  return 'value' in answer && isObject(answer.value)
    ? { ...answer, cache, value: liveObject(answer.value) }
    : { ...answer, cache };
}

function liveRequest(request: Request): unknown {
  if (request.kind !== 'Patch' || request.subresource !== 'status') return request;
  // `as`: so patches of the status are made.
  const { status, ...body } = request.body as { readonly status?: Partial<VirtualMachineStatus> };
  return { ...request, body: { ...body, status: liveStatus(status) } };
}

/** Of all that a reconciliation is answered with only the object has metadata. */
function isObject(value: unknown): value is VirtualMachine {
  return typeof value === 'object' && value !== null && 'metadata' in value;
}
