import { describe, expect, it } from 'vitest';
import { type Intent, keyText, readIdentity } from '../../../src/api/v1alpha1/identity.ts';
import { failed, succeeded } from '../../../src/domain/failure.ts';
import type { ListedMachine, Machine, ProviderId } from '../../../src/domain/machine.ts';
import type { Account } from '../../../src/provider/account/account.ts';
import { createSnapshot } from '../../../src/provider/account/snapshot.ts';
import { ObjectState, type ReadableState } from '../../../src/reconcile/object-state.ts';
import { recordFinding } from '../../../src/reconcile/record-observation.ts';
import { observeMachine } from '../../../src/reconcile/observe/observe-machine.ts';
import type { ReconcileSubject, MachineLookup } from '../../../src/reconcile/observe/machine-lookup.ts';
import { failure, machineIn, type ObjectOptions, objectWith, observedWith, uid } from '../../plan/fixtures.ts';
import { createManualClock } from '../../support/clock.ts';

export const second = 1_000;
/** Monotonic, as all times here. Lists start, and are answered, two seconds before. */
export const now = 10_000 * second;
export const listedAt = now - 2 * second;
const { limits } = observedWith();
export const { callDeadline, visibilityWindow, recreateAfter } = limits;

export const own = 'web-0a1b2c3d';
export const vm = (fields: Partial<Machine> = {}): Machine => machineIn('Running', fields);
export const other = vm({ id: 5, name: 'other' });
export const nameless: ListedMachine = { id: 6, problem: 'its name is missing' };
export const keyHash = JSON.stringify(['hash', keyText(objectWith().metadata)]);

export interface Given extends ObjectOptions {
  readonly listed?: readonly ListedMachine[] | 'NoListYet';
  readonly answeredAt?: number;
  /** When a list first showed the same. */
  readonly listedSince?: number;
  /** What read each VM by itself last, and when that began. */
  readonly cachedMachines?: readonly { readonly machine: Machine; readonly startedAt: number }[];
  /** What `GET` answers: one VM, none (404), a failure; by default it is not answered yet. */
  readonly read?: Machine | 404 | 'Failed';
  readonly account?: Partial<Account>;
  readonly objectState?: Partial<Omit<ObjectState, 'uid' | 'firstSeenAt'>>;
  readonly seenSince?: number;
  /** For how long lists have left out a VM that answers to its id. */
  readonly lagging?: number;
  /** Whether this process sent the create request with the key in use. */
  readonly isSentWithKey?: boolean;
  readonly leadingSince?: number;
  /** What the open intent says; by default there is none. */
  readonly pending?: Partial<Intent>;
  readonly subject?: Partial<ReconcileSubject>;
  readonly target?: Partial<MachineLookup>;
}

export const text = 'the stored intent';

/** Only what `observe` may read: a write of a field throws, and so does a call of any method that writes. */
export function readOnly(objectState: ObjectState): ReadableState {
  return Object.freeze({
    ...objectState,
    openIntent: (...given: Parameters<ObjectState['openIntent']>) => objectState.openIntent(...given),
    history: (...given: Parameters<ObjectState['history']>) => objectState.history(...given),
  });
}

export function observe(given: Given) {
  const {
    listed = [other],
    answeredAt = listedAt,
    cachedMachines = [],
    read,
    pending,
    objectState: remembered,
    ...rest
  } = given;
  const clock = { ...createManualClock(), monotonic: () => now };
  const object = objectWith({
    ...rest,
    ...(pending === undefined ? {} : { annotations: { 'vps247.com/create-pending': text } }),
  });
  const shown = listed === 'NoListYet' ? [] : listed;
  const before = createSnapshot(given.listedSince ?? listedAt, 0, shown);
  const wants: string[] = [];
  // Only what is asked of it.
  const account = {
    ownerId: 1,
    snapshot: listed === 'NoListYet' ? undefined : createSnapshot(listedAt, answeredAt, shown, before),
    keyedHash: (words: string) => JSON.stringify(['hash', words]),
    lastWriteAt: () => undefined,
    cachedMachine: (id: ProviderId) => cachedMachines.find(({ machine }) => machine.id === id),
    readMachine: () => {
      if (read === undefined) return undefined;
      const outcome = read === 'Failed' ? failed(failure()) : succeeded(read === 404 ? undefined : read);
      return { startedAt: listedAt, outcome };
    },
    subscribedSince: () => 0,
    absenceOf: () => ({ since: listedAt, lists: 1 }),
    massDisappearanceOf: () => undefined,
    ...given.account,
  } as unknown as Account;
  const objectState = Object.assign(new ObjectState(uid, given.seenSince ?? 0), remembered);
  if (given.isSentWithKey === true) objectState.intentAccount = account;
  if (given.lagging !== undefined) objectState.listLags(now - given.lagging);
  const identity = readIdentity(object, null);
  const known = identity.kind === 'Known' ? identity : undefined;
  const name = known?.name ?? object.spec.providerName ?? own;
  const subject: ReconcileSubject = {
    key: 'default/web',
    object,
    objectState: readOnly(objectState),
    name,
    identity,
    intent: pending === undefined ? undefined : { isOwn: true, uid, name, signed: '', ...pending },
    isIntentProven: false,
    isIntentRefused: false,
    isDefaultKey: false,
    ...given.subject,
  };
  const target = { ...(known === undefined ? {} : { id: known.id }), name, ...given.target };
  const deps = { clock, limits, leadingSince: () => given.leadingSince ?? 0 };
  const finding = observeMachine(deps, account, subject, target);
  const { machine: observed } = finding;
  const requests = {
    requestList: (_: string, after: number) => void wants.push(`list ${(after - now) / second}`),
    requestMachine: (_: string, after: number) => void wants.push(`machine ${(after - now) / second}`),
  };
  recordFinding('default/web', requests, finding, objectState);
  const what =
    observed.kind === 'Present'
      ? `Present ${observed.machine.id}`
      : observed.kind === 'Absent'
        ? 'Absent'
        : observed.reason.kind;
  return { what, observed, wants, objectState };
}

export interface Row extends Given {
  readonly because: string;
  readonly what: string;
  readonly wants?: readonly string[];
}

export function describeRows(name: string, rows: readonly Row[]): void {
  describe(name, () => {
    it.each(rows)('$because → $what', ({ what, wants, ...given }) => {
      const { what: observed, wants: wanted } = observe(given);
      expect({ what: observed, wants: wanted }).toEqual({ what, wants: wants ?? wanted });
    });
  });
}

export const chosen = { spec: { providerName: 'shop' } } as const;
export const shop = vm({ name: 'shop' });
export const late = now - second;
export const known = { id: 90 } as const;
export const seen = (startedAt: number, fields: Partial<Machine> = {}) => [{ machine: vm(fields), startedAt }];

export const rightOne = vm({ id: 91 });
/** As an account says it of VMs that vanished together. */
export const mass = { vanished: 9, of: 40, until: now + 60 * second };
