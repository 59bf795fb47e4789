import { describe, expect, test } from 'vitest';
import type { Behavior } from '../../emulator/behavior.ts';
import { expectDone, life, liveThrough, stepOf, take, type Trouble } from './life.ts';
import { createFaultyWorld, type FaultyWorld, hour, minute } from './world.ts';

const undisturbed = life.map(({ write }) => write);
const written = (world: FaultyWorld) => world.writes().map(({ operation }) => operation);

const wordings: readonly { readonly how: string; readonly switches: Partial<Behavior> }[] = [
  { how: 'ids as strings', switches: { idShape: 'string' } },
  { how: 'unknown fields', switches: { unknownFields: 'some', listShape: 'named' } },
  { how: 'the list in an object', switches: { listShape: 'named' } },
  { how: 'the list under data, every item wrapped', switches: { listShape: 'data', itemShape: 'vm' } },
  { how: 'states in capitals', switches: { stateSpelling: 'upper' } },
  { how: 'states by other names', switches: { stateSpelling: 'aliases' } },
  { how: 'null for whatever may be left out', switches: { optionalFields: 'null' } },
  { how: 'nothing that may be left out', switches: { optionalFields: 'missing', catalog: '404' } },
  { how: 'a create answered with its id only', switches: { createAnswer: 'id' } },
  { how: 'a create answered with success only', switches: { createAnswer: 'success' } },
  { how: 'power calls answered with nothing', switches: { powerAnswer: 'empty' } },
  { how: 'errors as pages', switches: { errorBody: 'html' } },
  { how: 'addresses and passwords late', switches: { addressLag: 90_000, passwordLag: 90_000 } },
  { how: 'tasks that last until a machine is halted', switches: { stopTask: 'lasts-until-halted' } },
  { how: 'a clock that is an hour ahead', switches: { clockOffset: hour } },
  { how: 'a clock that is an hour behind', switches: { clockOffset: -hour } },
  { how: 'a clock that is a year behind', switches: { clockOffset: -365 * 24 * hour } },
];

describe('a provider with', () => {
  test.each(wordings)('$how: an object from create to delete', async ({ switches }) => {
    const world = await createFaultyWorld(switches);
    for (const step of life) await take(world, step);
    expect(written(world)).toEqual(undisturbed);
    expect(world.emulator.ledger.forbiddenTransitions()).toEqual([]);
  });

  test.each(wordings)('$how, and a create whose answer was lost: one VM', async ({ switches }) => {
    const world = await createFaultyWorld(switches);
    world.emulator.addFault({ operation: 'CreateMachine', when: 'after', action: { kind: 'reset' } });
    for (const step of life) await take(world, step);
    expect(written(world)).toEqual(undisturbed);
  });

  test.each(life)('another wording from "$name" on', async (step) => {
    const world = await createFaultyWorld();
    for (const one of life) {
      if (one === step) {
        world.emulator.setSwitches({ idShape: 'string', listShape: 'data', itemShape: 'vm', stateSpelling: 'aliases' });
      }
      await take(world, one);
    }
    expect(written(world)).toEqual(undisturbed);
  });

  test.each([-hour, hour])('a clock that jumps by %d ms during a boot loop', async (clockOffset) => {
    const world = await createFaultyWorld({ bootLoopNames: '^web-0', bootLoopCount: 2, bootLoopAfter: 1_500 });
    stepOf('CreateMachine').ask(world);
    await world.clock.advance(10_000);
    world.emulator.setSwitches({ clockOffset });
    await world.clock.advance(hour);
    expectDone(world, stepOf('CreateMachine'));
    world.judge();
  });
});

const strangeness: Trouble = {
  begin: async ({ emulator, clock }) => {
    emulator.setSwitches({ strangeStateNames: '^web-0' });
    await clock.advance(2 * minute);
  },
  end: ({ emulator }) => emulator.setSwitches({ strangeStateNames: '' }),
  lasts: hour,
};

describe('an undocumented state, for an hour', () => {
  test.each(life.filter(({ write }) => write !== 'CreateMachine'))(
    'from "$name" on: is not acted on and reported; a VM whose object is deleted is deleted nevertheless',
    async (step) => {
      const world = await createFaultyWorld();
      const isDeleted = step.write === 'DeleteMachine';
      await liveThrough(world, strangeness, step, ({ reasons, seq }) => {
        expect(reasons.at(-1)).toBe(isDeleted ? 'Deleting' : 'ProtocolError');
        expect(world.writes(seq).map(({ operation }) => operation)).toEqual(isDeleted ? ['DeleteMachine'] : []);
      });
      expect(written(world)).toEqual(undisturbed);
    },
  );
});
