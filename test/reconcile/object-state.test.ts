import { describe, expect, it } from 'vitest';
import type { Machine, MachineState } from '../../src/domain/machine.ts';
import type { Account } from '../../src/provider/account/account.ts';
import { ObjectState } from '../../src/reconcile/object-state.ts';
import type { MachineRead, Moment } from '../../src/reconcile/object-history.ts';
import { failure, machineIn } from '../plan/fixtures.ts';

const epoch = Date.UTC(2026, 5, 1);
/** The same moment by both clocks. */
const at = (monotonic: number): Moment => ({ now: epoch + monotonic, monotonic });
const same = (): string => 'same';
const other = (): string => 'other';

const historyAt = (objectState: ObjectState, monotonic: number) => objectState.history(at(monotonic), same, same);

type Seen = readonly [state: MachineState, now: number, updatedAt?: string];

const readOf = (machine: Machine, usedAt: number, startedAt: number): MachineRead => ({
  machine,
  startedAt,
  at: usedAt,
});

function memoryThatSaw(...seen: readonly Seen[]): ObjectState {
  const objectState = new ObjectState('uid', 0);
  for (const [state, now, updatedAt] of seen)
    objectState.recordMachine(readOf(machineIn(state, updatedAt === undefined ? {} : { updatedAt }), now, now - 5));
  return objectState;
}

/** An account that notes who no longer follows it. */
function accountThatNotes(forgotten: string[], name: string): Account {
  // Only what is asked of it.
  return { unsubscribe: (key: string) => void forgotten.push(`${name}: ${key}`) } as unknown as Account;
}

describe('the state of a VM', () => {
  it('lasts since it was first observed', () => {
    const objectState = memoryThatSaw(['Running', 100], ['Running', 300], ['Halting', 400], ['Halting', 500]);
    expect(historyAt(objectState, 600)).toMatchObject({
      stateFor: 200,
      lastUpAt: epoch + 295,
      lastDownAt: epoch + 495,
    });
    expect(historyAt(new ObjectState('uid', 0), 600)).toMatchObject({ stateFor: 0 });
  });

  it('ends deferrals when it changes, and a refusal of the call for the previous state', () => {
    const objectState = memoryThatSaw(['Running', 100]);
    const putOff = (): void => {
      Object.assign(objectState, { notBefore: 900, refusedSince: 150, refusedWords: '406' });
    };
    putOff();
    objectState.recordMachine(readOf(machineIn('Running'), 200, 200));
    expect(historyAt(objectState, 200)).toMatchObject({ notBefore: epoch + 900, refusedFor: 50, refusedWords: '406' });
    objectState.recordMachine(readOf(machineIn('Halting'), 300, 300));
    const { notBefore, refusedFor, refusedWords } = historyAt(objectState, 400);
    expect([notBefore, refusedFor, refusedWords]).toEqual([undefined, 0, undefined]);
  });

  it('shows whether it was changed outside the operator: its last action differs from the one while it was up', () => {
    const rows: readonly (readonly Seen[])[] = [
      [
        ['Running', 100, 'a'],
        ['Halted', 200, 'b'],
      ],
      [
        ['Running', 100, 'a'],
        ['Halted', 200, 'a'],
      ],
      [['Halted', 100, 'a']],
      [
        ['Running', 100, 'a'],
        ['Running', 200, 'b'],
        ['Halted', 300, 'b'],
      ],
    ];
    expect(rows.map((seen) => historyAt(memoryThatSaw(...seen), 900).wasActedOn)).toEqual([true, false, false, false]);
  });

  it('counts a task in progress since it was first observed', () => {
    const objectState = new ObjectState('uid', 0);
    const see = (status: string, now: number): number => {
      objectState.recordMachine(readOf(machineIn('Running', { lastTask: { name: 'VmBackup', status } }), now, now));
      return historyAt(objectState, now).taskBusyFor;
    };
    expect([see('pending', 100), see('running', 300), see('done', 400), see('pending', 500)]).toEqual([0, 200, 0, 0]);
  });
});

function memoryOfSeven(): ObjectState {
  const objectState = new ObjectState('uid', 0);
  objectState.setMachine(7);
  objectState.recordMachine(readOf(machineIn('Running'), 100, 100));
  objectState.recordMachine(readOf(machineIn('Halted'), 200, 200));
  Object.assign(objectState, { deleteAcceptedAt: 300, deletes: 2, passwordSecret: 'web-password' });
  objectState.notePasswordConflict({ reason: 'InitialPasswordConflict', message: 'Secret "x" is there' }, 9_000);
  objectState.recordAbsence(250);
  return objectState;
}

describe('a VM with another id', () => {
  const all = {
    lastUpAt: epoch + 100,
    lastDownAt: epoch + 200,
    deleteAcceptedAt: epoch + 300,
    deletes: 2,
    passwordSecret: 'web-password',
    passwordConflict: { reason: 'InitialPasswordConflict', message: 'Secret "x" is there' },
  };

  it('shares nothing with the one before', () => {
    const objectState = memoryOfSeven();
    objectState.setMachine(7);
    expect(historyAt(objectState, 500)).toMatchObject({ ...all, stateFor: 300 });
    expect([objectState.wasListed, objectState.firstListWithout]).toEqual([true, 250]);
    objectState.setMachine(8);
    const history = historyAt(objectState, 500);
    expect(Object.keys(all).filter((field) => field in history)).toEqual(['deletes']);
    expect(history).toMatchObject({ stateFor: 0, deletes: 0 });
    expect([objectState.wasListed, objectState.firstListWithout]).toEqual([false, undefined]);
  });

  it('is the same one if it was found by its name, and its id is learned', () => {
    const objectState = memoryThatSaw(['Running', 100]);
    objectState.setMachine(7);
    expect(historyAt(objectState, 500)).toMatchObject({ lastUpAt: epoch + 95, stateFor: 400 });
    expect(objectState.wasListed).toBe(true);
  });
});

describe('lists', () => {
  it('that lack the VM count from the first one, until a read shows it or another account is used', () => {
    const objectState = new ObjectState('uid', 0);
    const forgotten: string[] = [];
    const account = accountThatNotes(forgotten, 'first');
    const begin = (): void => {
      for (const startedAt of [100, 200]) objectState.recordAbsence(startedAt);
    };
    objectState.setAccount(account, 'default/web');
    begin();
    objectState.setAccount(account, 'default/web');
    expect(objectState.firstListWithout).toBe(100);
    objectState.recordMachine(readOf(machineIn('Running'), 300, 300));
    expect(objectState.firstListWithout).toBeUndefined();
    begin();
    objectState.setAccount(accountThatNotes(forgotten, 'second'), 'default/web');
    expect(objectState.firstListWithout).toBeUndefined();
    expect(forgotten).toEqual(['first: default/web']);
  });

  it('lag behind since the first one without the VM, until one shows it', () => {
    const objectState = new ObjectState('uid', 0);
    for (const since of [100, 300]) objectState.listLags(since);
    expect(objectState.laggingSince).toBe(100);
    objectState.listCaughtUp();
    expect(objectState.laggingSince).toBeUndefined();
    objectState.listLags(500);
    expect(objectState.laggingSince).toBe(500);
  });
});

describe('accounts', () => {
  it('of an unverified key are unsubscribed when another key replaces it, but not after it is used', () => {
    const forgotten: string[] = [];
    const [first, second, third] = ['first', 'second', 'third'].map((name) => accountThatNotes(forgotten, name));
    const objectState = new ObjectState('uid', 0);
    objectState.setAccount(first ?? null, 'web');
    objectState.setSuccessor(second, first ?? null, 'web');
    objectState.setSuccessor(second, first ?? null, 'web');
    expect(forgotten).toEqual([]);
    objectState.setSuccessor(third, first ?? null, 'web');
    expect(forgotten).toEqual(['second: web']);
    objectState.setSuccessor(undefined, third ?? null, 'web');
    expect(forgotten).toEqual(['second: web']);
  });

  it('are all unsubscribed when the object is removed', () => {
    const forgotten: string[] = [];
    const objectState = new ObjectState('uid', 0);
    objectState.setAccount(accountThatNotes(forgotten, 'first'), 'web');
    objectState.setSuccessor(accountThatNotes(forgotten, 'second'), objectState.account ?? null, 'web');
    objectState.end('web');
    expect(forgotten).toEqual(['first: web', 'second: web']);
  });
});

describe('a create intent', () => {
  it('that is settled is not open, others are, and the one that was sent counts where none is stored', () => {
    const objectState = new ObjectState('uid', 0);
    objectState.sentIntent = 'sent';
    expect([objectState.openIntent('stored'), objectState.openIntent(undefined)]).toEqual(['stored', 'sent']);
    objectState.settleIntent('sent', undefined);
    expect([
      objectState.openIntent('stored'),
      objectState.openIntent('sent'),
      objectState.openIntent(undefined),
    ]).toEqual(['stored', undefined, undefined]);
  });

  it('stays settled as long as it is stored, however many others there are; only the newest others are remembered', () => {
    const objectState = new ObjectState('uid', 0);
    for (let index = 0; index < 100; index += 1) objectState.settleIntent(`intent ${index}`, 'intent 0');
    const open = [0, 1, 60, 69, 99].map((index) => objectState.openIntent(`intent ${index}`) !== undefined);
    expect(open).toEqual([false, true, true, false, false]);
  });
});

function memoryThatPutOff(): ObjectState {
  const objectState = new ObjectState('uid', 0);
  objectState.notBefore = 900;
  objectState.refuseWrite({ action: 'Create', message: 'denied', until: 900 }, 'same');
  objectState.notePasswordConflict({ reason: 'InitialPasswordConflict', message: 'Secret "x" is there' }, 900);
  return objectState;
}

function isHeld(objectState: ObjectState): readonly boolean[] {
  const history = historyAt(objectState, 500);
  return ['notBefore', 'writeRefusal', 'passwordConflict'].map((field) => field in history);
}

describe('a request for a reconciliation', () => {
  it('ends deferrals, once for each value', () => {
    const objectState = memoryThatPutOff();
    expect(isHeld(objectState)).toEqual([true, true, true]);
    objectState.noteRequest('now', 400);
    expect([isHeld(objectState), objectState.requestedAt]).toEqual([[false, false, false], 400]);
    objectState.notBefore = 900;
    objectState.noteRequest('now', 450);
    expect([isHeld(objectState)[0], objectState.requestedAt]).toEqual([true, 400]);
  });

  it('that is handled stops being pending, and ends no deferrals', () => {
    const objectState = memoryThatPutOff();
    objectState.noteRequest('now', 100);
    objectState.notBefore = 900;
    objectState.noteRequest(undefined, 200);
    expect([isHeld(objectState)[0], objectState.requestedAt]).toEqual([true, undefined]);
  });
});

describe('a refusal', () => {
  const answer = failure({ class: 'Terminal', status: 402 });

  it('of the create holds for its time, for the same object and account', () => {
    const objectState = new ObjectState('uid', 0);
    const account = accountThatNotes([], 'first');
    objectState.setAccount(account, 'web');
    objectState.refuse(answer, 'same', 1_000);
    const stands = (moment: number, basis = same): boolean =>
      objectState.history(at(moment), basis, same).refusal !== undefined;
    expect([stands(999), stands(1_000), stands(999, other)]).toEqual([true, false, false]);
    objectState.setAccount(null, 'web');
    expect(stands(999)).toBe(false);
    objectState.setAccount(account, 'web');
    expect(stands(999)).toBe(true);
  });

  it('of a write holds for its time, for the same object, until a write of its kind is stored', () => {
    const objectState = new ObjectState('uid', 0);
    objectState.refuseWrite({ action: 'Create', message: 'denied', until: 1_000 }, 'same');
    const stands = (moment: number, basis = same): boolean =>
      objectState.history(at(moment), same, basis).writeRefusal !== undefined;
    expect([stands(999), stands(1_000), stands(999, other)]).toEqual([true, false, false]);
    expect(historyAt(objectState, 500).writeRefusal).toEqual({
      action: 'Create',
      message: 'denied',
      until: epoch + 1_000,
    });
    objectState.refuseWrite({ action: 'Create', message: 'denied', until: 1_000 }, 'same');
    objectState.writeStored('Kill');
    expect([stands(999), objectState.failures]).toEqual([true, 2]);
    objectState.writeStored('Create');
    expect([stands(999), objectState.failures]).toEqual([false, 0]);
  });

  it('of the password Secret holds for its time', () => {
    const objectState = new ObjectState('uid', 0);
    objectState.notePasswordConflict({ reason: 'InitialPasswordConflict', message: 'Secret "x" is there' }, 1_000);
    expect(historyAt(objectState, 999).passwordConflict?.message).toBe('Secret "x" is there');
    expect(historyAt(objectState, 1_000).passwordConflict).toBeUndefined();
    expect('outdatedPasswordSecret' in historyAt(objectState, 999)).toBe(false);
    objectState.notePasswordConflict(
      { reason: 'InitialPasswordConflict', message: 'Secret "x" is of an earlier VM' },
      1_000,
      'x',
    );
    expect(historyAt(objectState, 999).outdatedPasswordSecret).toBe('x');
    expect('outdatedPasswordSecret' in historyAt(objectState, 1_000)).toBe(false);
  });

  it('of the password Secret holds for its spec', () => {
    const objectState = new ObjectState('uid', 0);
    objectState.noteSpec(1);
    objectState.notePasswordConflict({ reason: 'InitialPasswordConflict', message: 'Secret "x" is there' }, 1_000);
    objectState.noteSpec(1);
    expect(historyAt(objectState, 999).passwordConflict?.message).toBe('Secret "x" is there');
    objectState.noteSpec(2);
    expect(historyAt(objectState, 999).passwordConflict).toBeUndefined();
  });
});

it('an invalid annotation is new once, and again after eight others', () => {
  const objectState = new ObjectState('uid', 0);
  expect([objectState.isNewInvalidAnnotation('paused=yes'), objectState.isNewInvalidAnnotation('paused=yes')]).toEqual([
    true,
    false,
  ]);
  const more = Array.from({ length: 7 }, (_, index) => objectState.isNewInvalidAnnotation(`paused=${index}`));
  expect([...more, objectState.isNewInvalidAnnotation('paused=yes')]).toEqual([...more.map(() => true), false]);
  objectState.isNewInvalidAnnotation('paused=8');
  expect(objectState.isNewInvalidAnnotation('paused=yes')).toBe(true);
});
