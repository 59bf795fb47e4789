import { describe, expect, test } from 'vitest';
import { Ledger, type EffectNote } from '../../emulator/ledger.ts';
import type { State } from '../../emulator/transitions.ts';
import { order, visit } from './visitor.ts';

const subject = (machineId: number, machineName = 'web', account = 1) => ({ machineId, machineName, account });

function created(id: number, name?: string, account?: number): EffectNote {
  return { kind: 'created', ...subject(id, name, account), to: 'pending', cause: 1 };
}
function moved(id: number, from: State, to: State): EffectNote {
  return { kind: 'transition', ...subject(id), from, to, cause: 'clock' };
}
function deleted(id: number, from: State, cause: number | 'panel' = 1, name?: string): EffectNote {
  return { kind: 'deleted', ...subject(id, name), from, cause };
}

function ledgerOf(...notes: EffectNote[]): Ledger {
  const ledger = new Ledger({ now: () => 0, monotonic: () => 0 });
  for (const note of notes) ledger.happened(note);
  return ledger;
}

describe('the ledger as an oracle', () => {
  test('counts calls by operation, and knows which of them write', () => {
    const { call, running, emulator } = visit();
    const id = running();
    call('GET', '/virtual_machines');
    call('GET', '/virtual_machines');
    call('DELETE', `/virtual_machines/${id}`);
    call('GET', '/nowhere');
    const { ledger } = emulator;
    expect(ledger.callsByOperation()).toEqual({ CreateMachine: 1, ListMachines: 2, DeleteMachine: 1, Unknown: 1 });
    expect(ledger.writes().map(({ operation, machineName, outcome }) => [operation, machineName, outcome])).toEqual([
      ['CreateMachine', 'web', 201],
      ['DeleteMachine', 'web', 400],
    ]);
  });

  test('effects name the call that caused them, and share one sequence of numbers with calls', () => {
    const { running, emulator } = visit();
    running();
    const { calls, effects } = emulator.ledger;
    expect(calls.map(({ seq }) => seq)).toEqual([1]);
    expect(effects.map(({ seq, kind, cause }) => [seq, kind, cause])).toEqual([
      [2, 'created', 1],
      [3, 'transition', 1],
    ]);
  });

  test('VMs ever created and VMs alive', () => {
    const ledger = ledgerOf(created(1), created(2, 'db'), deleted(1, 'halted'), created(3));
    expect(ledger.machinesEverCreated('web').map(({ id }) => id)).toEqual([1, 3]);
    expect(ledger.machinesEverCreated().map(({ id }) => id)).toEqual([1, 2, 3]);
    expect(ledger.liveMachines().map(({ id }) => id)).toEqual([2, 3]);
    expect(ledger.leaks(['web']).map(({ id }) => id)).toEqual([2]);
  });

  test('a duplicate name is found, also when one of the VMs is deleted by now', () => {
    expect(ledgerOf(created(1), created(2), deleted(1, 'halted')).duplicates()).toEqual(['web']);
    expect(ledgerOf(created(1), deleted(1, 'halted'), created(2)).duplicates()).toEqual([]);
    expect(ledgerOf(created(1), created(2, 'web', 2)).duplicates()).toEqual([]);
  });

  test('requests in a wrong state', () => {
    const { call, running, emulator } = visit();
    const id = running();
    call('DELETE', `/virtual_machines/${id}`);
    call('POST', `/virtual_machines/${id}/stop`);
    call('POST', `/virtual_machines/${id}/stop`);
    expect(emulator.ledger.forbiddenTransitions()).toMatchObject([
      { command: 'delete', from: 'running', cause: 4 },
      { command: 'stop', from: 'running', cause: 7 },
    ]);
  });

  test.each<[string, EffectNote[], number]>([
    [
      'a whole life',
      [created(1), moved(1, 'pending', 'running'), moved(1, 'running', 'halted'), deleted(1, 'halted')],
      0,
    ],
    ['a jump', [created(1), moved(1, 'pending', 'halted')], 1],
    ['a state it was not in', [created(1), moved(1, 'halted', 'starting')], 1],
    ['deleted while running', [created(1), moved(1, 'pending', 'running'), deleted(1, 'running')], 1],
    [
      'deleted in the control panel while running',
      [created(1), moved(1, 'pending', 'running'), deleted(1, 'running', 'panel')],
      0,
    ],
    ['moved after it was deleted', [created(1), deleted(1, 'pending', 'panel'), moved(1, 'pending', 'running')], 1],
    ['one id twice', [created(1), created(1)], 1],
  ])('impossible effects: %s', (_what, notes, count) => {
    expect(ledgerOf(...notes).impossibleEffects()).toHaveLength(count);
  });

  test('a call ends once', () => {
    const ledger = new Ledger({ now: () => 0, monotonic: () => 0 });
    const seq = ledger.called({ method: 'GET', path: '/regions', operation: 'ListRegions' });
    expect(ledger.calls[0]?.outcome).toBe('open');
    ledger.ended(seq, { outcome: 'abandoned' });
    ledger.ended(seq, { outcome: 200 });
    expect(ledger.calls[0]?.outcome).toBe('abandoned');
  });
});

test('neither keys nor passwords are in the ledger, even if a client sends a key as an id', () => {
  const { call, running, emulator } = visit();
  const password = emulator.passwordOf(running());
  call('GET', '/virtual_machines/ours-too');
  expect(password).toMatch(/^emulated-password-\w{16}$/);
  expect(JSON.stringify(emulator.ledger)).not.toMatch(new RegExp(`${password}|ours`));
  expect(emulator.ledger.calls.at(-1)?.path).toBe('/virtual_machines/[key]');
});

const chancy = { pickup: [1, 50], provision: [100, 5_000], start: [10, 900], halt: [10, 900] } as const;

/** Three machines made and stopped; everything that was noted. */
function story(seed: number) {
  const { emulator, running, call, advance } = visit({ seed, latencies: chancy });
  const ids = ['a', 'b', 'c'].map((name) => running(name));
  advance(10_000);
  for (const id of ids) call('POST', `/virtual_machines/${id}/stop`);
  advance(10_000);
  return { ledger: JSON.stringify(emulator.ledger), password: emulator.passwordOf(ids[0] ?? 0) };
}

/** When the first machine is up again after a restart, optionally with something drawn for another one before. */
function restartedAt(disturb: boolean): number | undefined {
  const { emulator, call, advance } = visit({ seed: 9, latencies: chancy });
  call('POST', '/virtual_machines', { ...order, name: 'first' });
  call('POST', '/virtual_machines', { ...order, name: 'other' });
  advance(6_000);
  if (disturb) call('POST', '/virtual_machines/1002/restart');
  call('POST', '/virtual_machines/1001/restart');
  advance(60_000);
  return emulator.ledger.effects.findLast(({ machineId }) => machineId === 1_001)?.at;
}

describe('the seed', () => {
  test('decides everything: the same seed gives the same events', () => {
    expect(story(5)).toEqual(story(5));
  });

  test('makes a difference', () => {
    expect(story(5).ledger).not.toBe(story(6).ledger);
    expect(story(5).password).not.toBe(story(6).password);
  });

  test('gives each VM separate random numbers: calls for others change nothing', () => {
    expect(restartedAt(true)).toBe(restartedAt(false));
  });
});
