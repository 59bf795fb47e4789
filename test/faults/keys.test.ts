import { describe, expect, test } from 'vitest';
import { expectDone, life, liveThrough, patience, stepOf, take } from './life.ts';
import { bothFinalizers } from '../reconcile/world/cluster.ts';
import { createFaultyWorld, type FaultyWorld, hour, keys } from './world.ts';

const later = life.filter(({ write }) => write !== 'CreateMachine');
const use = (key: string) => (world: FaultyWorld) => world.useKey(key);
const swap = { begin: use(keys.others), end: use(keys.ours), lasts: hour };

describe('the key of another account, for an hour', () => {
  test.each(later)('from "$name" on: no call changes anything, and the reason is reported', async (step) => {
    const world = await createFaultyWorld();
    await liveThrough(world, swap, step, ({ reasons, seq }) => {
      expect(reasons.at(-1)).toBe('AccountMismatch');
      expect(world.condition('web', 'Ready')?.status).toBe('Unknown');
      expect(world.writes(seq)).toEqual([]);
      expect(world.cluster.machine('web')?.metadata.finalizers).toEqual(bothFinalizers);
    });
    expect(world.writes().map(({ operation }) => operation)).toEqual(life.map(({ write }) => write));
  });

  test('whose VMs come and go meanwhile', async () => {
    const world = await createFaultyWorld();
    const begin = async (): Promise<void> => {
      world.useKey(keys.others);
      const id = world.emulator.panel.create({ name: 'passing', ownerId: 2 });
      await world.clock.advance(hour / 2);
      world.emulator.panel.delete(id);
    };
    const step = stepOf('DeleteMachine');
    await liveThrough(world, { ...swap, begin }, step, ({ reasons }) => expect(reasons.at(-1)).toBe('AccountMismatch'));
  });

  test.each(later)('together with a kill -9, from "$name" on', async (step) => {
    const world = await createFaultyWorld();
    const begin = async (): Promise<void> => {
      world.useKey(keys.others);
      await world.restart();
    };
    await liveThrough(world, { ...swap, begin }, step, ({ reasons, seq }) => {
      expect(reasons.at(-1)).toBe('AccountMismatch');
      expect(world.writes(seq)).toEqual([]);
    });
  });
});

describe('the key of an account without any VM, for an hour', () => {
  const empty = { begin: use(keys.newcomers), end: use(keys.ours), lasts: hour };

  test.each(later)('from "$name" on: no second VM, and the object stays', async (step) => {
    const world = await createFaultyWorld();
    await liveThrough(world, empty, step, ({ reasons, seq }) => {
      expect(reasons).toContain('AbsenceUnconfirmed');
      expect(world.writes(seq)).toEqual([]);
      expect(world.cluster.machine('web')?.metadata.finalizers).toEqual(bothFinalizers);
    });
    expect(world.writes().map(({ operation }) => operation)).toEqual(life.map(({ write }) => write));
  });
});

test.each([
  { whose: 'an account with machines', key: keys.others },
  { whose: 'an account without any', key: keys.newcomers },
  { whose: 'no account', key: keys.unknown },
])(
  'the key of $whose, for an hour, while the outcome of a create is unknown: its own account settles it',
  async ({ key }) => {
    const world = await createFaultyWorld();
    world.emulator.addFault({ operation: 'CreateMachine', when: 'after', action: { kind: 'reset' } });
    world.apply('web');
    await world.clock.advance(500);
    world.useKey(key);
    await world.clock.advance(hour);
    expect(world.writes()).toHaveLength(1);
    expect(world.condition('web', 'Synced')?.reason).toBe(
      key === keys.unknown ? 'CredentialsRejected' : 'AccountMismatch',
    );
    world.useKey(keys.ours);
    await world.clock.advance(patience);
    expect(world.writes()).toHaveLength(1);
    expectDone(world, stepOf('CreateMachine'));
    world.judge();
  },
);

test('a rotated key of the same account changes nothing', async () => {
  const world = await createFaultyWorld();
  for (const [index, step] of life.entries()) {
    world.emulator.accounts.addKey(1, `key-${index}`);
    world.useKey(`key-${index}`);
    if (index > 0) world.emulator.accounts.revokeKey(`key-${index - 1}`);
    await take(world, step);
  }
  expect(world.writes().map(({ operation }) => operation)).toEqual(life.map(({ write }) => write));
  expect(world.reasons('web')).not.toContain('CredentialsRejected');
});
