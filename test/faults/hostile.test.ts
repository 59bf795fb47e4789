import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FaultAction, FaultRule } from '../../emulator/fault-rule.ts';
import type { Operation } from '../../src/domain/failure.ts';
import { brokenLists, brokenMachines, oddCatalogs, soundLists } from './hostile.ts';
import { calm, expectedOf, initial, outcomeOf, powerSpecs } from './outcome.ts';
import { bothFinalizers } from '../reconcile/world/cluster.ts';
import { createFaultyWorld, type FaultyWorld, minute } from './world.ts';
import { assertProperty } from '../support/property.ts';

/** Answers that one after another come in place of the true ones, each so many times. */
function queue(operation: Operation, answers: fc.Arbitrary<FaultAction>): fc.Arbitrary<readonly FaultRule[]> {
  const rule = fc.record({
    operation: fc.constant(operation),
    when: fc.constant('instead' as const),
    action: answers,
    // Often enough for an answer to be believed, if it were one to be believed.
    times: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 10, max: 30 })),
  });
  return fc.array(rule, { minLength: 1, maxLength: 5 });
}

function add(world: FaultyWorld, hostile: readonly FaultRule[]): void {
  for (const rule of hostile) world.emulator.addFault(rule);
}

/** What no answer to a read may ever bring about. */
function expectNoLoss(world: FaultyWorld): void {
  const made = world.writes().map(({ operation }) => operation);
  expect(made.filter((operation) => operation === 'CreateMachine').length).toBeLessThanOrEqual(1);
  expect(made).not.toContain('DeleteMachine');
  world.judge();
}

const catalogs = fc.tuple(
  queue('ListRegions', oddCatalogs),
  queue('ListPackages', oddCatalogs),
  queue('ListOsTemplates', oddCatalogs),
);

describe('hostile answers', { timeout: 120_000 }, () => {
  test('to the very first reads: nothing is created on a guess, and one VM exists in the end', async () => {
    await assertProperty(
      fc.asyncProperty(queue('ListMachines', brokenLists), catalogs, async (listed, offered) => {
        const world = await createFaultyWorld();
        add(world, [...listed, ...offered.flat()]);
        await world.restart();
        world.apply('web');
        await world.clock.advance(5 * minute);
        expectNoLoss(world);
        await calm(world);
        expect(outcomeOf(world)).toEqual(await expectedOf(initial));
        expectNoLoss(world);
      }),
      { runs: 30 },
    );
  });

  test('never make a known VM look deleted, for any request', async () => {
    await assertProperty(
      fc.asyncProperty(
        queue('ListMachines', fc.oneof(brokenLists, soundLists)),
        fc.option(queue('GetMachine', brokenMachines), { nil: [] }),
        powerSpecs,
        async (listed, got, spec) => {
          const world = await createFaultyWorld();
          world.apply('web', initial);
          await world.clock.advance(minute);
          add(world, [...listed, ...got]);
          world.cluster.change('web', { spec });
          for (let step = 0; step < 10; step += 1) {
            await world.clock.advance(minute / 2);
            expectNoLoss(world);
            expect(world.cluster.machine('web')?.metadata.finalizers).toEqual(bothFinalizers);
          }
          await calm(world);
          expect(outcomeOf(world)).toEqual(await expectedOf(spec));
          expect(world.reasons('web')).not.toContain('ExternallyDeleted');
          expectNoLoss(world);
        },
      ),
      { runs: 30 },
    );
  });

  test('settle no unknown outcome of a create', async () => {
    await assertProperty(
      fc.asyncProperty(queue('ListMachines', brokenLists), fc.integer({ min: 0, max: 60 }), async (listed, seconds) => {
        const world = await createFaultyWorld();
        world.emulator.addFault({ operation: 'CreateMachine', when: 'after', action: { kind: 'reset' } });
        world.apply('web', initial);
        await world.clock.advance(100);
        add(world, listed);
        await world.clock.advance(seconds * 1_000);
        await world.restart();
        await world.clock.advance(5 * minute);
        expectNoLoss(world);
        await calm(world);
        expect(outcomeOf(world)).toEqual(await expectedOf(initial));
        expectNoLoss(world);
      }),
      { runs: 30 },
    );
  });

  test('do not release an object while its VM exists', async () => {
    await assertProperty(
      fc.asyncProperty(
        queue('ListMachines', brokenLists),
        queue('GetMachine', brokenMachines),
        fc.integer({ min: 0, max: 20_000 }),
        async (listed, got, after) => {
          const world = await createFaultyWorld();
          world.apply('web', initial);
          await world.clock.advance(minute);
          world.cluster.remove('virtualmachines', 'web');
          await world.clock.advance(after);
          add(world, [...listed, ...got]);
          for (let step = 0; step < 20; step += 1) {
            await world.clock.advance(10_000);
            const isThere = world.machineOf('web') !== undefined;
            expect(isThere && world.cluster.machine('web') === undefined).toBe(false);
          }
          await calm(world);
          expect([world.cluster.machine('web'), world.machineOf('web')]).toEqual([undefined, undefined]);
          world.judge();
        },
      ),
      { runs: 30 },
    );
  });
});
