import { describe, expect, test } from 'vitest';
import { expectDone, patience, stepOf, take } from './life.ts';
import { createFaultyWorld, type FaultyWorld, hour, minute } from './world.ts';

const written = (world: FaultyWorld) => world.writes().map(({ operation }) => operation);
const readyCondition = (world: FaultyWorld) => world.condition('web', 'Ready');
const statusOf = (world: FaultyWorld) => world.cluster.machine('web')?.status;
const warnings = (world: FaultyWorld) =>
  world.cluster.events.filter(({ type }) => type === 'Warning').map(({ reason }) => reason);

test('a create whose task fails is reported, and leads to no second VM, no delete, and no write for an hour', async () => {
  const world = await createFaultyWorld({ failedTasks: '^VmCreate web-0' });
  stepOf('CreateMachine').ask(world);
  await world.clock.advance(minute);
  expect(readyCondition(world)).toMatchObject({
    status: 'False',
    reason: 'ProvisioningFailed',
    message: expect.stringContaining('VmCreate: failed'),
  });
  expect(world.condition('web', 'Stalled')?.status).toBe('True');
  expect(statusOf(world)).toMatchObject({ state: 'Pending', lastTask: { name: 'VmCreate', status: 'failed' } });
  const { length } = world.cluster.writes;
  await world.clock.advance(hour);
  // The event that names the unmanaged VM of the account, and is about the operator's Lease.
  expect(world.cluster.writes.slice(length)).toEqual(['create events']);
  expect(world.cluster.events.at(-1)).toMatchObject({ reason: 'UnmanagedVMs', regarding: { kind: 'Lease' } });
  expect(written(world)).toEqual(['CreateMachine']);
  expect(warnings(world)).toEqual(['ProvisioningFailed']);
});

test('a create whose task failed and that is repaired continues with the VM', async () => {
  const world = await createFaultyWorld();
  world.emulator.addFault({
    when: 'after',
    times: 'always',
    action: {
      kind: 'edit',
      fields: { state: 'pending', last_task: { id: 7, name: 'VmCreate', status: 'failed', progress: 40 } },
      id: world.emulator.machines().length + 1_001,
    },
  });
  stepOf('CreateMachine').ask(world);
  await world.clock.advance(hour);
  expect(readyCondition(world)?.reason).toBe('ProvisioningFailed');
  expect(statusOf(world)?.lastTask).toEqual({ id: 7, name: 'VmCreate', status: 'failed', progress: '40' });
  world.emulator.clearFaults();
  await world.clock.advance(patience);
  expectDone(world, stepOf('CreateMachine'));
  expect(statusOf(world)).not.toHaveProperty('lastTask');
  expect(written(world)).toEqual(['CreateMachine']);
});

describe('a power change whose task fails', () => {
  test.each([
    { operation: 'StartMachine', task: 'VmStart' },
    { operation: 'KillMachine', task: 'VmKill' },
  ] as const)(
    '$task: is reported once, retried with exponential backoff, and completed in the end',
    async ({ operation, task }) => {
      const world = await createFaultyWorld();
      await take(world, stepOf('CreateMachine'));
      if (operation === 'StartMachine') await take(world, stepOf('StopMachine'));
      world.emulator.setSwitches({ failedTasks: `^${task} ` });
      const { length } = world.cluster.writes;
      stepOf(operation).ask(world);
      await world.clock.advance(9 * minute);
      expect(readyCondition(world)).toMatchObject({
        reason: 'PowerChangeFailed',
        message: expect.stringMatching(new RegExp(`${task}: failed`)),
      });
      expect(warnings(world)).toEqual(['PowerChangeFailed']);
      const calls = written(world).filter((one) => one === operation).length;
      expect(calls).toBeLessThanOrEqual(5);
      // For each call its status, before it that of a power cut, and that it failed.
      const statuses = world.cluster.writes.slice(length).filter((write) => write === 'status web');
      expect(statuses.length).toBeLessThanOrEqual(calls * (operation === 'KillMachine' ? 3 : 2));
      await world.clock.advance(hour);
      expect(readyCondition(world)?.reason).toBe('PowerTransitionStuck');
      world.emulator.setSwitches({ failedTasks: '' });
      await world.clock.advance(hour);
      expectDone(world, stepOf(operation));
      expect(statusOf(world)).not.toHaveProperty('lastTask');
    },
  );

  test('VmStop: the guest keeps its grace period, then the power is cut', async () => {
    const world = await createFaultyWorld({ failedTasks: '^VmStop ' });
    await take(world, stepOf('CreateMachine'));
    await take(world, stepOf('StopMachine'));
    expect(written(world)).toEqual(['CreateMachine', 'StopMachine', 'KillMachine']);
    expect(world.reasons('web')).toContain('PowerChangeFailed');
  });

  test('VmRestart: is reported, and not sent again', async () => {
    const world = await createFaultyWorld({ failedTasks: '^VmRestart ' });
    await take(world, stepOf('CreateMachine'));
    stepOf('RestartMachine').ask(world);
    await world.clock.advance(hour);
    expect(written(world)).toEqual(['CreateMachine', 'RestartMachine']);
    expect(warnings(world)).toEqual(['PowerChangeFailed']);
    expect(readyCondition(world)).toMatchObject({
      status: 'True',
      message: expect.stringContaining('VmRestart: failed'),
    });
  });

  test('VmDelete: is reported, repeated, and completed in the end', async () => {
    const world = await createFaultyWorld({ failedTasks: '^VmDelete ' });
    await take(world, stepOf('CreateMachine'));
    stepOf('DeleteMachine').ask(world);
    await world.clock.advance(10 * minute);
    expect(readyCondition(world)).toMatchObject({
      reason: 'Deleting',
      message: expect.stringContaining('VmDelete: failed'),
    });
    world.emulator.setSwitches({ failedTasks: '' });
    await world.clock.advance(hour);
    expectDone(world, stepOf('DeleteMachine'));
  });
});
