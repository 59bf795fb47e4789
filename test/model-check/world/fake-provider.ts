import type { Failure, FailureClass, FailureCode, Operation, Outcome } from '../../../src/domain/failure.ts';
import { succeeded } from '../../../src/domain/failure.ts';
import type { Machine, MachineState } from '../../../src/domain/machine.ts';
import { type AccountName, ownerIds, type ProviderCall, type ProviderState, type ProviderMachine } from '../state.ts';
import { toIso } from '../time.ts';

/** The provider: what its calls do. It keeps the contract of src/provider/provider.ts. Pure. */

export interface Effect {
  readonly providerState: ProviderState;
  readonly outcome: Outcome<unknown>;
}

export interface Manner {
  readonly now: number;
  /** Lists do not show it yet. */
  readonly lags?: boolean;
  /** A shutdown signal is accepted, and the guest does nothing; or a restart is over at once. */
  readonly isIgnored?: boolean;
}

export function failure(
  operation: Operation,
  kind: FailureClass,
  code: FailureCode,
  more: Partial<Failure> = {},
): { readonly ok: false; readonly failure: Failure } {
  return { ok: false, failure: { operation, class: kind, code, text: '', ...more } };
}

/** Carries a call out. */
export function carryOut(providerState: ProviderState, call: ProviderCall, manner: Manner): Effect {
  const { operation } = call;
  if (providerState.isRejecting)
    return { providerState, outcome: failure(operation, 'Credentials', 'Unauthorized', { status: 401 }) };
  switch (operation) {
    case 'CreateMachine':
      return create(providerState, call, manner);
    case 'GetMachine':
      return { providerState, outcome: succeeded(read(providerState, call)) };
    case 'StartMachine':
      return power(providerState, call, manner, ['Halted'], 'Starting');
    case 'StopMachine':
      return power(providerState, call, manner, ['Running'], manner.isIgnored === true ? 'Running' : 'Halting');
    case 'KillMachine':
      return power(providerState, call, manner, ['Running', 'Halting'], 'Halting');
    case 'RestartMachine':
      return restart(providerState, call, manner);
    case 'DeleteMachine':
      return remove(providerState, call, manner);
    default:
      throw new Error(`unexpected call of ${operation}`);
  }
}

function create(
  providerState: ProviderState,
  { name = '', account, operation }: ProviderCall,
  { now, lags }: Manner,
): Effect {
  const hasTwin = providerState.machines.some(
    (machine) => machine.name === name && machine.owner === account && isThere(machine),
  );
  if (hasTwin && providerState.refusesTwins) {
    return { providerState, outcome: failure(operation, 'Terminal', 'Unprocessable', { status: 422 }) };
  }
  const machine: ProviderMachine = {
    id: providerState.nextId,
    name,
    owner: account,
    isOurs: true,
    state: 'Pending',
    shown: lags === true ? 'Nothing' : 'Pending',
    isDoomed: false,
    wasDenied: false,
    changedAt: now,
    madeAt: now,
    actedAt: now,
  };
  return {
    providerState: {
      ...providerState,
      machines: [...providerState.machines, machine],
      nextId: providerState.nextId + 1,
    },
    outcome: succeeded({ id: machine.id, machine: toMachine(machine, 'Pending') }),
  };
}

/** A VM that no list shows yet is not found by its id either; otherwise `GET` shows the actual state. */
function read(providerState: ProviderState, call: ProviderCall): Machine | undefined {
  const machine = find(providerState, call);
  if (machine === undefined || machine.state === 'Gone' || machine.shown === 'Nothing') return undefined;
  return toMachine(machine, machine.state);
}

function power(
  providerState: ProviderState,
  call: ProviderCall,
  { now, lags }: Manner,
  from: readonly ProviderMachine['state'][],
  to: MachineState,
): Effect {
  const machine = find(providerState, call);
  const { operation } = call;
  if (machine === undefined || !isThere(machine))
    return { providerState, outcome: failure(operation, 'Retry', 'NotFound', { status: 404 }) };
  if (machine.isDoomed || !from.includes(machine.state))
    return { providerState, outcome: failure(operation, 'Wait', 'Busy', { status: 406 }) };
  return {
    providerState: replace(providerState, { ...become(machine, to, now, lags), actedAt: now }),
    outcome: succeeded(undefined),
  };
}

/** An ignored one was too fast to be observed: the VM is up again before the next read. */
function restart(providerState: ProviderState, call: ProviderCall, manner: Manner): Effect {
  const effect = power(providerState, call, manner, ['Running'], manner.isIgnored === true ? 'Running' : 'Starting');
  if (!effect.outcome.ok) return effect;
  return {
    ...effect,
    providerState: { ...effect.providerState, restarts: [...providerState.restarts, call.request ?? ''] },
  };
}

function remove(providerState: ProviderState, call: ProviderCall, { now }: Manner): Effect {
  const machine = find(providerState, call);
  if (machine === undefined || !isThere(machine)) return { providerState, outcome: succeeded('NotFound') };
  if (machine.state !== 'Halted')
    return { providerState, outcome: failure(call.operation, 'Wait', 'BadRequest', { status: 400 }) };
  return {
    providerState: replace(providerState, { ...machine, isDoomed: true, changedAt: now, actedAt: now }),
    outcome: succeeded('Accepted'),
  };
}

/** The machine as this account's key may see it. */
export function find(providerState: ProviderState, { id, account }: ProviderCall): ProviderMachine | undefined {
  return providerState.machines.find((machine) => machine.id === id && machine.owner === account);
}

export function isThere(machine: ProviderMachine): boolean {
  return machine.state !== 'Gone';
}

/** Whether lists show something else than there is. */
export function isLagging({ state, shown }: ProviderMachine): boolean {
  return shown !== (state === 'Gone' ? 'Nothing' : state);
}

/** Whether lists and `GET` deny a VM that is there. */
export function isDenied({ state, shown, wasDenied }: ProviderMachine): boolean {
  return wasDenied && shown === 'Nothing' && state !== 'Gone';
}

/** Where transitions lead. */
export const nextState: Readonly<Partial<Record<ProviderMachine['state'], ProviderMachine['state']>>> = {
  Pending: 'Running',
  Starting: 'Running',
  Halting: 'Halted',
};

/** Whether something is still to come of what happened to it. */
export function isInTransit(machine: ProviderMachine): boolean {
  return isLagging(machine) || machine.isDoomed || nextState[machine.state] !== undefined;
}

/** The machine in another state; a list that lags continues to show the old state. */
export function become(
  machine: ProviderMachine,
  state: ProviderMachine['state'],
  now: number,
  lags: boolean | undefined,
): ProviderMachine {
  const shown = lags === true ? machine.shown : state === 'Gone' ? 'Nothing' : state;
  // Catching up late with one change, a list may not lag for longer because there was another.
  const changedAt = lags === true && isLagging(machine) ? machine.changedAt : now;
  return { ...machine, state, shown, changedAt };
}

/** An unmanaged machine. */
export function newMachine(id: number, name: string, now: number): ProviderMachine {
  return {
    id,
    name,
    owner: 'own',
    isOurs: false,
    state: 'Running',
    shown: 'Running',
    isDoomed: false,
    wasDenied: false,
    changedAt: now,
    madeAt: now,
    actedAt: now,
  };
}

/** One machine replaced; what is gone and no longer shown is forgotten. */
export function replace(providerState: ProviderState, machine: ProviderMachine): ProviderState {
  const machines = providerState.machines
    .map((one) => (one.id === machine.id ? machine : one))
    .filter((one) => isThere(one) || isLagging(one));
  return { ...providerState, machines };
}

/** What a list of the account shows now. */
export function listOf(providerState: ProviderState, account: AccountName): readonly Machine[] {
  return providerState.machines.flatMap((machine) =>
    machine.owner === account && machine.shown !== 'Nothing' ? [toMachine(machine, machine.shown)] : [],
  );
}

function toMachine({ id, name, owner, madeAt, actedAt }: ProviderMachine, state: MachineState): Machine {
  return {
    id,
    name,
    state,
    ownerId: ownerIds[owner],
    addresses: [],
    createdAt: toIso(madeAt),
    updatedAt: toIso(actedAt),
  };
}
