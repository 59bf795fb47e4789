import { describe, expect, it } from 'vitest';
import type { MachineState } from '../../src/domain/machine.ts';
import type { Account } from '../../src/provider/account/account.ts';
import { Memory, type Moment } from '../../src/reconcile/object-state.ts';
import { failure, machineIn } from '../plan/fixtures.ts';

const epoch = Date.UTC(2026, 5, 1);
/** The same moment by both clocks. */
const at = (monotonic: number): Moment => ({ now: epoch + monotonic, monotonic });
const same = (): string => 'same';
const other = (): string => 'other';

const historyAt = (memory: Memory, monotonic: number) => memory.history(at(monotonic), same, same);

type Seen = readonly [state: MachineState, now: number, updatedAt?: string];

function memoryThatSaw(...seen: readonly Seen[]): Memory {
  const memory = new Memory('uid', 0);
  for (const [state, now, updatedAt] of seen)
    memory.sawMachine(machineIn(state, updatedAt === undefined ? {} : { updatedAt }), now, now - 5);
  return memory;
}

/** An account that notes who no longer follows it. */
function accountThatNotes(forgotten: string[], name: string): Account {
  // Only what is asked of it.
  return { unsubscribe: (key: string) => void forgotten.push(`${name}: ${key}`) } as unknown as Account;
}

describe('the state of a VM', () => {
  it('lasts since it was first seen so', () => {
    const memory = memoryThatSaw(['Running', 100], ['Running', 300], ['Halting', 400], ['Halting', 500]);
    expect(historyAt(memory, 600)).toMatchObject({ stateFor: 200, lastUpAt: epoch + 295, lastDownAt: epoch + 495 });
    expect(historyAt(new Memory('uid', 0), 600)).toMatchObject({ stateFor: 0 });
  });

  it.each<{ state: MachineState; isUp: boolean; isDown: boolean }>([
    { state: 'Pending', isUp: false, isDown: false },
    { state: 'Starting', isUp: true, isDown: true },
    { state: 'Running', isUp: true, isDown: false },
    { state: 'Halting', isUp: false, isDown: true },
    { state: 'Halted', isUp: false, isDown: true },
    { state: 'Unknown', isUp: false, isDown: false },
  ])('$state: up $isUp, down $isDown', ({ state, isUp, isDown }) => {
    const { lastUpAt, lastDownAt } = historyAt(memoryThatSaw([state, 100]), 200);
    expect([lastUpAt !== undefined, lastDownAt !== undefined]).toEqual([isUp, isDown]);
  });

  it('that changes ends what was put off, and a refusal of the call for the one before', () => {
    const memory = memoryThatSaw(['Running', 100]);
    const putOff = (): void => {
      Object.assign(memory, { notBefore: 900, refusedSince: 150, refusedWords: '406' });
    };
    putOff();
    memory.sawMachine(machineIn('Running'), 200, 200);
    expect(historyAt(memory, 200)).toMatchObject({ notBefore: epoch + 900, refusedFor: 50, refusedWords: '406' });
    memory.sawMachine(machineIn('Halting'), 300, 300);
    const { notBefore, refusedFor, refusedWords } = historyAt(memory, 400);
    expect([notBefore, refusedFor, refusedWords]).toEqual([undefined, 0, undefined]);
  });

  it('tells whether others acted on it: its last action is another than while it was up', () => {
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

  it('counts a task that is at work since it was first seen so', () => {
    const memory = new Memory('uid', 0);
    const see = (status: string, now: number): number => {
      memory.sawMachine(machineIn('Running', { lastTask: { name: 'VmBackup', status } }), now, now);
      return historyAt(memory, now).taskBusyFor;
    };
    expect([see('pending', 100), see('running', 300), see('done', 400), see('pending', 500)]).toEqual([0, 200, 0, 0]);
  });
});

function memoryOfSeven(): Memory {
  const memory = new Memory('uid', 0);
  memory.follow(7);
  memory.sawMachine(machineIn('Running'), 100, 100);
  memory.sawMachine(machineIn('Halted'), 200, 200);
  Object.assign(memory, { deleteAcceptedAt: 300, deletes: 2, passwordSecret: 'web-password' });
  memory.notePasswordConflict({ reason: 'InitialPasswordConflict', message: 'Secret "x" is there' }, 9_000);
  memory.sawLack(250);
  return memory;
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
    const memory = memoryOfSeven();
    memory.follow(7);
    expect(historyAt(memory, 500)).toMatchObject({ ...all, stateFor: 300 });
    expect([memory.wasSeen, memory.firstLacking]).toEqual([true, 250]);
    memory.follow(8);
    const history = historyAt(memory, 500);
    expect(Object.keys(all).filter((field) => field in history)).toEqual(['deletes']);
    expect(history).toMatchObject({ stateFor: 0, deletes: 0 });
    expect([memory.wasSeen, memory.firstLacking]).toEqual([false, undefined]);
  });

  it('is the same one if it was found by its name, and its id is learned', () => {
    const memory = memoryThatSaw(['Running', 100]);
    memory.follow(7);
    expect(historyAt(memory, 500)).toMatchObject({ lastUpAt: epoch + 95, stateFor: 400 });
    expect(memory.wasSeen).toBe(true);
  });
});

describe('lists', () => {
  it('that lack the VM count from the first one, until a read shows it or another account is used', () => {
    const memory = new Memory('uid', 0);
    const forgotten: string[] = [];
    const account = accountThatNotes(forgotten, 'first');
    const begin = (): void => {
      for (const startedAt of [100, 200]) memory.sawLack(startedAt);
    };
    memory.use(account, 'default/web');
    begin();
    memory.use(account, 'default/web');
    expect(memory.firstLacking).toBe(100);
    memory.sawMachine(machineIn('Running'), 300, 300);
    expect(memory.firstLacking).toBeUndefined();
    begin();
    memory.use(accountThatNotes(forgotten, 'second'), 'default/web');
    expect(memory.firstLacking).toBeUndefined();
    expect(forgotten).toEqual(['first: default/web']);
  });

  it('that lag behind do so since the first one, until one shows the VM', () => {
    const memory = new Memory('uid', 0);
    expect([memory.lagged(100), memory.lagged(300)]).toEqual([0, 200]);
    memory.caughtUp();
    expect(memory.lagged(500)).toBe(0);
  });
});

describe('accounts', () => {
  it('of a key that is not judged yet is left when another key takes its place, but not when it is used', () => {
    const forgotten: string[] = [];
    const [first, second, third] = ['first', 'second', 'third'].map((name) => accountThatNotes(forgotten, name));
    const memory = new Memory('uid', 0);
    memory.use(first ?? null, 'web');
    memory.setSuccessor(second, first ?? null, 'web');
    memory.setSuccessor(second, first ?? null, 'web');
    expect(forgotten).toEqual([]);
    memory.setSuccessor(third, first ?? null, 'web');
    expect(forgotten).toEqual(['second: web']);
    memory.setSuccessor(undefined, third ?? null, 'web');
    expect(forgotten).toEqual(['second: web']);
  });

  it('are all left when the object is gone', () => {
    const forgotten: string[] = [];
    const memory = new Memory('uid', 0);
    memory.use(accountThatNotes(forgotten, 'first'), 'web');
    memory.setSuccessor(accountThatNotes(forgotten, 'second'), memory.account ?? null, 'web');
    memory.end('web');
    expect(forgotten).toEqual(['first: web', 'second: web']);
  });
});

describe('a create intent', () => {
  it('that is settled is not open, others are, and the one that was sent counts where none is stored', () => {
    const memory = new Memory('uid', 0);
    memory.sentIntent = 'sent';
    expect([memory.openIntent('stored'), memory.openIntent(undefined)]).toEqual(['stored', 'sent']);
    memory.settle('sent', undefined);
    expect([memory.openIntent('stored'), memory.openIntent('sent'), memory.openIntent(undefined)]).toEqual([
      'stored',
      undefined,
      undefined,
    ]);
  });

  it('stays settled as long as it is stored, however many others are; of those the newest are remembered', () => {
    const memory = new Memory('uid', 0);
    for (let index = 0; index < 100; index += 1) memory.settle(`intent ${index}`, 'intent 0');
    const open = [0, 1, 60, 69, 99].map((index) => memory.openIntent(`intent ${index}`) !== undefined);
    expect(open).toEqual([false, true, true, false, false]);
  });
});

function memoryThatPutOff(): Memory {
  const memory = new Memory('uid', 0);
  memory.notBefore = 900;
  memory.refuseWrite({ action: 'Create', message: 'denied', until: 900 }, 'same');
  memory.notePasswordConflict({ reason: 'InitialPasswordConflict', message: 'Secret "x" is there' }, 900);
  return memory;
}

function isHeld(memory: Memory): readonly boolean[] {
  const history = historyAt(memory, 500);
  return ['notBefore', 'writeRefusal', 'passwordConflict'].map((field) => field in history);
}

describe('a request for a reconciliation', () => {
  it('makes due what was put off, once for each value', () => {
    const memory = memoryThatPutOff();
    expect(isHeld(memory)).toEqual([true, true, true]);
    memory.noteRequest('now', 400);
    expect([isHeld(memory), memory.requestedAt]).toEqual([[false, false, false], 400]);
    memory.notBefore = 900;
    memory.noteRequest('now', 450);
    expect([isHeld(memory)[0], memory.requestedAt]).toEqual([true, 400]);
  });

  it('that is handled is none any more, and makes nothing due', () => {
    const memory = memoryThatPutOff();
    memory.noteRequest('now', 100);
    memory.notBefore = 900;
    memory.noteRequest(undefined, 200);
    expect([isHeld(memory)[0], memory.requestedAt]).toEqual([true, undefined]);
  });
});

describe('a refusal', () => {
  const answer = failure({ class: 'Terminal', status: 402 });

  it('of the create stands for its time, for the same object and the same account', () => {
    const memory = new Memory('uid', 0);
    const account = accountThatNotes([], 'first');
    memory.use(account, 'web');
    memory.refuse(answer, 'same', 1_000);
    const stands = (moment: number, basis = same): boolean =>
      memory.history(at(moment), basis, same).refusal !== undefined;
    expect([stands(999), stands(1_000), stands(999, other)]).toEqual([true, false, false]);
    memory.use(null, 'web');
    expect(stands(999)).toBe(false);
    memory.use(account, 'web');
    expect(stands(999)).toBe(true);
  });

  it('of a write stands for its time, for the same object, until a write of its kind is stored', () => {
    const memory = new Memory('uid', 0);
    memory.refuseWrite({ action: 'Create', message: 'denied', until: 1_000 }, 'same');
    const stands = (moment: number, basis = same): boolean =>
      memory.history(at(moment), same, basis).writeRefusal !== undefined;
    expect([stands(999), stands(1_000), stands(999, other)]).toEqual([true, false, false]);
    expect(historyAt(memory, 500).writeRefusal).toEqual({ action: 'Create', message: 'denied', until: epoch + 1_000 });
    memory.refuseWrite({ action: 'Create', message: 'denied', until: 1_000 }, 'same');
    memory.wrote('Kill');
    expect([stands(999), memory.failures]).toEqual([true, 2]);
    memory.wrote('Create');
    expect([stands(999), memory.failures]).toEqual([false, 0]);
  });

  it('of the Secret for the password stands for its time', () => {
    const memory = new Memory('uid', 0);
    memory.notePasswordConflict({ reason: 'InitialPasswordConflict', message: 'Secret "x" is there' }, 1_000);
    expect(historyAt(memory, 999).passwordConflict?.message).toBe('Secret "x" is there');
    expect(historyAt(memory, 1_000).passwordConflict).toBeUndefined();
    expect('outdatedPasswordSecret' in historyAt(memory, 999)).toBe(false);
    memory.notePasswordConflict(
      { reason: 'InitialPasswordConflict', message: 'Secret "x" is of an earlier VM' },
      1_000,
      'x',
    );
    expect(historyAt(memory, 999).outdatedPasswordSecret).toBe('x');
    expect('outdatedPasswordSecret' in historyAt(memory, 1_000)).toBe(false);
  });

  it('of the Secret for the password stands for its spec', () => {
    const memory = new Memory('uid', 0);
    memory.noteSpec(1);
    memory.notePasswordConflict({ reason: 'InitialPasswordConflict', message: 'Secret "x" is there' }, 1_000);
    memory.noteSpec(1);
    expect(historyAt(memory, 999).passwordConflict?.message).toBe('Secret "x" is there');
    memory.noteSpec(2);
    expect(historyAt(memory, 999).passwordConflict).toBeUndefined();
  });
});

it('an annotation without a meaning is new once, and again after eight others', () => {
  const memory = new Memory('uid', 0);
  expect([memory.isNewSenseless('paused=yes'), memory.isNewSenseless('paused=yes')]).toEqual([true, false]);
  const more = Array.from({ length: 7 }, (_, index) => memory.isNewSenseless(`paused=${index}`));
  expect([...more, memory.isNewSenseless('paused=yes')]).toEqual([...more.map(() => true), false]);
  memory.isNewSenseless('paused=8');
  expect(memory.isNewSenseless('paused=yes')).toBe(true);
});
