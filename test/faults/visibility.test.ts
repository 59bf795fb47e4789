import { expect, test } from 'vitest';
import type { FaultAction } from '../../emulator/fault-rule.ts';
import { usual } from '../support/usual-settings.ts';
import { expectDone, life, patience, stepOf, take } from './life.ts';
import { createFaultyWorld } from './world.ts';

const { visibilityWindow } = usual;
const create = stepOf('CreateMachine');
const losses: readonly FaultAction[] = [{ kind: 'hang' }, { kind: 'reset' }, { kind: 'status', status: 500 }];

/** A create whose answer is lost, at a provider that shows new machines so many visibility windows late. */
async function createUnseen(windows: number, action: FaultAction, restarts: readonly number[] = []) {
  const lag = windows * visibilityWindow;
  const world = await createFaultyWorld({ listLag: lag, getLag: lag });
  world.emulator.addFault({ operation: 'CreateMachine', when: 'after', action });
  create.ask(world);
  for (const milliseconds of restarts) {
    await world.clock.advance(milliseconds);
    await world.restart();
  }
  await world.clock.advance(patience);
  return world;
}

for (const action of losses) {
  test.each([0.5, 1])(
    `an answer lost (${action.kind}), and a VM that appears %d × the visibility window late: one call`,
    async (windows) => {
      const world = await createUnseen(windows, action);
      expect(world.reasons('web')).toContain('CreateOutcomeUnknown');
      expect(world.writes().map(({ operation }) => operation)).toEqual(['CreateMachine']);
      expectDone(world, create);
      world.judge();
    },
  );

  test(`an answer lost (${action.kind}), twice the window: still one call, because the search starts only after the call must have ended`, async () => {
    const world = await createUnseen(2, action);
    expect(world.writes().map(({ operation }) => operation)).toEqual(['CreateMachine']);
    expectDone(world, create);
    world.judge();
  });

  test(`an answer lost (${action.kind}), three times the window: a second call, and the provider's refusal of the name keeps it at one VM`, async () => {
    const world = await createUnseen(3, action);
    expect(world.writes().map(({ operation, outcome }) => [operation, outcome])).toEqual([
      ['CreateMachine', expect.anything()],
      ['CreateMachine', 400],
    ]);
    expectDone(world, create);
    world.judge();
  });
}

test.each([1_000, 10_000, 20_000, 30_000, 40_000, 50_000, 60_000])(
  'an answer lost, a window of lag, and kill -9 after %i ms: one call',
  async (milliseconds) => {
    const world = await createUnseen(1, { kind: 'reset' }, [milliseconds, 5_000]);
    expect(world.writes().map(({ operation }) => operation)).toEqual(['CreateMachine']);
    expectDone(world, create);
    world.judge();
  },
);

test.each([
  { late: 'in the list', switches: { listLag: visibilityWindow } },
  { late: 'by its id', switches: { getLag: visibilityWindow } },
  { late: 'altogether', switches: { listLag: visibilityWindow, getLag: visibilityWindow } },
  { late: 'in the list, and its id is not reported', switches: { listLag: visibilityWindow, createAnswer: 'success' } },
] as const)('a VM that appears late $late never counts as lost', async ({ switches }) => {
  const world = await createFaultyWorld(switches);
  for (const step of life) await take(world, step);
  expect(world.writes().map(({ operation }) => operation)).toEqual(life.map(({ write }) => write));
  for (const reason of ['AbsenceUnconfirmed', 'ExternallyDeleted']) expect(world.reasons('web')).not.toContain(reason);
});

test.each([0.5, 1, 2])(
  'a deleted VM that lists show %d × the visibility window longer only delays the deletion',
  async (windows) => {
    const world = await createFaultyWorld({ deletedListLag: windows * visibilityWindow });
    for (const step of life) await take(world, step);
    expect(world.writes().filter(({ operation }) => operation === 'CreateMachine')).toHaveLength(1);
    expect(world.reasons('web')).not.toContain('ProviderUnavailable');
  },
);
