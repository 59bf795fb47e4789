import { describe, expect, test } from 'vitest';
import { defaultBehavior, type Behavior } from '../../emulator/behavior.ts';
import {
  commandResult,
  possibleMoves,
  stepsOf,
  type Command,
  type PowerCommand,
  type State,
  type Task,
  type CommandResult,
} from '../../emulator/transitions.ts';

const done: Task = { id: 1, name: 'VmCreate', status: 'complete' };
const stopping: Task = { id: 1, name: 'VmStop', status: 'pending' };
const starting: Task = { id: 1, name: 'VmStart', status: 'pending' };

describe('the accepted commands', () => {
  test.each<[Command, State, Task, Partial<Behavior>, CommandResult, string]>([
    ['start', 'halted', done, {}, 'accept', 'power on'],
    ['start', 'running', done, {}, 'refuse', 'it is on'],
    ['start', 'running', done, { startInWrongState: '200' }, 'ignore', 'no failure is documented for a start'],
    ['start', 'halted', starting, {}, 'refuse', 'it is being started, though its state does not show it yet'],
    ['start', 'pending', done, {}, 'refuse', 'not provisioned'],
    ['start', 'starting', done, {}, 'refuse', 'in transition'],
    ['start', 'halting', done, {}, 'refuse', 'in transition'],
    ['stop', 'running', done, {}, 'accept', 'shutdown signal'],
    ['stop', 'halted', done, {}, 'refuse', 'already stopped'],
    ['stop', 'halting', done, {}, 'refuse', 'in transition'],
    ['stop', 'running', stopping, {}, 'refuse', 'it was sent the signal already'],
    ['restart', 'running', done, {}, 'accept', 'down and on again'],
    ['restart', 'starting', done, {}, 'refuse', 'in between states'],
    ['restart', 'halted', done, {}, 'refuse', 'nothing to power down'],
    ['kill', 'running', done, {}, 'accept', 'power cut'],
    ['kill', 'halting', done, {}, 'accept', 'the guest does not obey'],
    ['kill', 'halting', done, { killWhileHalting: '406' }, 'refuse', 'in between states'],
    ['kill', 'running', stopping, {}, 'accept', 'a stop in progress does not prevent a kill'],
    ['kill', 'running', stopping, { killWhileHalting: '406' }, 'refuse', 'halting, though the state does not show it'],
    ['kill', 'running', starting, {}, 'refuse', 'another task is in progress'],
    ['kill', 'starting', done, {}, 'refuse', 'in between states'],
    ['kill', 'halted', done, {}, 'refuse', 'no power to cut'],
    ['delete', 'halted', done, {}, 'accept', 'powered down'],
    ['delete', 'running', done, {}, 'refuse', 'must be powered down first'],
    ['delete', 'halting', done, {}, 'refuse', 'not down yet'],
    ['delete', 'halted', starting, {}, 'refuse', 'it is on its way up'],
  ])('%s on %s with task %j and %j: %5$s (%6$s)', (command, state, task, switches, verdict) => {
    expect(commandResult(command, state, task, { ...defaultBehavior, ...switches })).toBe(verdict);
  });
});

describe('the transitions after a command', () => {
  const obedient = { ignoresShutdown: false };
  const deaf = { ignoresShutdown: true };

  test.each<[PowerCommand | 'create', Partial<Behavior>, typeof obedient, State[], string]>([
    ['create', {}, obedient, ['running'], 'a create boots the machine'],
    ['start', {}, obedient, ['starting', 'running'], ''],
    ['stop', {}, obedient, ['halting', 'halted'], ''],
    ['stop', {}, deaf, ['halting'], 'the guest never obeys'],
    ['stop', { ignoredStop: 'back-to-running' }, deaf, ['halting', 'running'], 'the provider gives up'],
    ['stop', { ignoredStop: 'stays-running' }, deaf, [], 'the signal leaves no trace'],
    ['restart', {}, deaf, ['halting', 'starting', 'running'], 'the provider powers down by itself'],
    ['kill', {}, deaf, ['halted'], 'power removed'],
    ['kill', { killEffect: 'resets' }, deaf, ['starting', 'running'], 'hard reset'],
  ])('%s with %j and %j moves to %j (%s)', (command, switches, guest, states) => {
    const steps = stepsOf(command, { ...defaultBehavior, ...switches }, guest);
    expect(steps.flatMap(({ to }) => to ?? [])).toEqual(states);
  });

  test('with any switches, states move along possible edges only', () => {
    const from: Record<PowerCommand, State[]> = {
      start: ['halted'],
      stop: ['running'],
      restart: ['running'],
      kill: ['running', 'halting'],
    };
    const impossible: string[] = [];
    for (const killEffect of ['halts', 'resets'] as const) {
      for (const ignoredStop of ['stays-halting', 'back-to-running', 'stays-running'] as const) {
        for (const guest of [obedient, deaf]) {
          // The keys are those written down just above.
          for (const command of Object.keys(from) as PowerCommand[]) {
            for (const origin of from[command]) {
              let state = origin;
              for (const { to } of stepsOf(command, { ...defaultBehavior, killEffect, ignoredStop }, guest)) {
                if (to !== undefined && !possibleMoves[state].includes(to)) impossible.push(`${state} → ${to}`);
                state = to ?? state;
              }
            }
          }
        }
      }
    }
    expect(impossible).toEqual([]);
  });
});
