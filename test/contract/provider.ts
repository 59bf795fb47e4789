import { describe, expect, test } from 'vitest';
import type { Outcome } from '../../src/domain/failure.ts';
import type { CreateRequest, Machine, MachineState, ProviderId } from '../../src/domain/machine.ts';
import { isReadable } from '../../src/domain/machine.ts';
import type { Provider } from '../../src/provider/provider.ts';

/** A provider with no machines yet, and what the suite has to know of it. */
export interface ProviderWorld extends AsyncDisposable {
  readonly provider: Provider;
  /** The same provider with a key that it does not know. */
  readonly withUnknownKey: Provider;
  /** The same provider with the key of another account. */
  readonly withForeignKey: Provider;
  /** Something that can be ordered; the suite chooses the name. */
  readonly order: Omit<CreateRequest, 'name'>;
  /** Lets the provider's time pass until nothing moves any more. */
  settle(): Promise<void>;
}

const unknownId = 987_654_321;

/**
 * What every implementation of the `Provider` port keeps, whatever shapes the provider's answers have. `makeWorld` is
 * called for each test. Machines of the world boot by themselves, and their guests obey the shutdown signal.
 */
export function describeProviderContract(name: string, makeWorld: () => Promise<ProviderWorld>): void {
  describe(name, () => {
    test('an account without VMs returns a complete, empty list', async () => {
      await using world = await makeWorld();
      expect(valueOf(await world.provider.listMachines())).toEqual([]);
    });

    test('a create that was answered appears by name, boots, and keeps its id', async () => {
      await using world = await makeWorld();
      const answer = await world.provider.createMachine({ ...world.order, name: 'web' });
      // Without a word in its answer, a create has an unknown outcome: the list shows what became of it.
      if (!answer.ok) expect(answer.failure).toMatchObject({ class: 'UnknownOutcome', code: 'ProtocolError' });
      const first = await machineOf(world, 'web');
      if (answer.ok && answer.value.id !== undefined) expect(first.id).toBe(answer.value.id);
      if (answer.ok && answer.value.machine !== undefined)
        expect(answer.value.machine).toMatchObject({ id: first.id, name: 'web' });
      await world.settle();
      expect(await machineOf(world, 'web')).toMatchObject({ id: first.id, state: 'Running' });
    });

    test('a VM read by its id equals the one in the list', async () => {
      await using world = await makeWorld();
      const machine = await runningMachine(world, 'web');
      expect(valueOf(await world.provider.getMachine(machine.id))).toEqual(machine);
    });

    test('an initial password, where one is reported, cannot be printed', async () => {
      await using world = await makeWorld();
      const { initialPassword } = await runningMachine(world, 'web');
      if (initialPassword === undefined) return;
      expect(initialPassword.reveal()).not.toBe('');
      expect(`${initialPassword} ${JSON.stringify({ initialPassword })}`).not.toContain(initialPassword.reveal());
    });

    test('a create that is impossible is refused permanently, and creates nothing', async () => {
      await using world = await makeWorld();
      const order = { ...world.order, name: 'web', packageId: unknownId };
      expect(failureOf(await world.provider.createMachine(order))).toBe('Terminal');
      expect(valueOf(await world.provider.listMachines())).toEqual([]);
    });

    test('a name in use is refused permanently, and creates nothing', async () => {
      await using world = await makeWorld();
      const machine = await runningMachine(world, 'web');
      expect(failureOf(await world.provider.createMachine({ ...world.order, name: 'web' }))).toBe('Terminal');
      expect(valueOf(await world.provider.listMachines()).map(({ id }) => id)).toEqual([machine.id]);
    });

    test('power calls are accepted, and a later read shows their effect', async () => {
      await using world = await makeWorld();
      const { id } = await runningMachine(world, 'web');
      const life: readonly [
        call: 'stopMachine' | 'startMachine' | 'restartMachine' | 'killMachine',
        state: MachineState,
      ][] = [
        ['stopMachine', 'Halted'],
        ['startMachine', 'Running'],
        ['restartMachine', 'Running'],
        ['killMachine', 'Halted'],
      ];
      for (const [call, state] of life) {
        expect(await world.provider[call](id)).toEqual({ ok: true, value: undefined });
        await world.settle();
        expect(await machineOf(world, 'web')).toMatchObject({ id, state });
      }
    });

    test('a power call in the wrong state returns Wait, and changes nothing', async () => {
      await using world = await makeWorld();
      const { id } = await runningMachine(world, 'web');
      valueOf(await world.provider.stopMachine(id));
      await world.settle();
      expect(await world.provider.stopMachine(id)).toMatchObject({
        failure: { class: 'Wait', code: 'Busy', status: 406 },
      });
      await world.settle();
      expect(await machineOf(world, 'web')).toMatchObject({ state: 'Halted' });
    });

    test('a delete of a running VM returns Wait', async () => {
      await using world = await makeWorld();
      const { id } = await runningMachine(world, 'web');
      expect(await world.provider.deleteMachine(id)).toMatchObject({ failure: { class: 'Wait', code: 'BadRequest' } });
      expect(await machineOf(world, 'web')).toMatchObject({ id, state: 'Running' });
    });

    test('a deleted VM disappears from list and id, and a second delete finds none', async () => {
      await using world = await makeWorld();
      const { id } = await runningMachine(world, 'web');
      const { id: other } = await runningMachine(world, 'other');
      valueOf(await world.provider.stopMachine(id));
      await world.settle();
      expect(valueOf(await world.provider.deleteMachine(id))).toBe('Accepted');
      await world.settle();
      expect(await world.provider.getMachine(id)).toEqual({ ok: true, value: undefined });
      expect(valueOf(await world.provider.listMachines()).map((machine) => machine.id)).toEqual([other]);
      expect(valueOf(await world.provider.deleteMachine(id))).toBe('NotFound');
    });

    test('an unknown VM is a value for read and delete, and a refusal for a power call', async () => {
      await using world = await makeWorld();
      expect(await world.provider.getMachine(unknownId)).toEqual({ ok: true, value: undefined });
      expect(await world.provider.deleteMachine(unknownId)).toEqual({ ok: true, value: 'NotFound' });
      expect(await world.provider.killMachine(unknownId)).toMatchObject({
        failure: { class: 'Retry', code: 'NotFound' },
      });
    });

    test('a key of another account sees nothing and changes nothing', async () => {
      await using world = await makeWorld();
      const { id } = await runningMachine(world, 'web');
      expect(valueOf(await world.withForeignKey.listMachines())).toEqual([]);
      expect(await world.withForeignKey.getMachine(id)).toEqual({ ok: true, value: undefined });
      expect(await world.withForeignKey.deleteMachine(id)).toEqual({ ok: true, value: 'NotFound' });
      expect(failureOf(await world.withForeignKey.killMachine(id))).toBe('Retry');
      expect(await machineOf(world, 'web')).toMatchObject({ id, state: 'Running' });
    });

    test('every call reports an unknown key as such, and never as an absence', async () => {
      await using world = await makeWorld();
      const { id } = await runningMachine(world, 'web');
      const stranger = world.withUnknownKey;
      const outcomes: readonly Outcome<unknown>[] = await Promise.all([
        stranger.listMachines(),
        stranger.getMachine(id),
        stranger.createMachine({ ...world.order, name: 'theirs' }),
        stranger.deleteMachine(id),
        stranger.startMachine(id),
        stranger.stopMachine(id),
        stranger.restartMachine(id),
        stranger.killMachine(id),
        stranger.listRegions(),
        stranger.listPackages(),
        stranger.listOsTemplates(),
      ]);
      expect(outcomes.map(failureOf)).toEqual(outcomes.map(() => 'Credentials'));
    });

    test('the catalog lists what can be created, if there is one', async () => {
      await using world = await makeWorld();
      const regions = valueOf(await world.provider.listRegions());
      const packages = valueOf(await world.provider.listPackages());
      const osTemplates = valueOf(await world.provider.listOsTemplates());
      if (regions === undefined || packages === undefined || osTemplates === undefined) {
        expect([regions, packages, osTemplates]).toEqual([undefined, undefined, undefined]);
        return;
      }
      const { regionId, packageId, osTemplateId } = world.order;
      expect(ofId(regions, regionId)?.packageIds).toContain(packageId);
      expect(ofId(packages, packageId)?.osTemplateIds).toContain(osTemplateId);
      expect(ofId(osTemplates, osTemplateId)?.name).not.toBe('');
    });

    test('an aborted call ends as a failure instead of throwing', async () => {
      await using world = await makeWorld();
      expect(await world.provider.listMachines(AbortSignal.abort())).toMatchObject({ failure: { code: 'Canceled' } });
      const create = await world.provider.createMachine({ ...world.order, name: 'web' }, AbortSignal.abort());
      expect(create).toMatchObject({ failure: { class: 'Retry', code: 'Canceled' } });
      expect(valueOf(await world.provider.listMachines())).toEqual([]);
    });
  });
}

function valueOf<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(`failed: ${JSON.stringify(outcome.failure)}`);
  return outcome.value;
}

function ofId<T extends { readonly id: ProviderId }>(entries: readonly T[], id: ProviderId): T | undefined {
  return entries.find((entry) => entry.id === id);
}

function failureOf(outcome: Outcome<unknown>): string {
  return outcome.ok ? 'no failure' : outcome.failure.class;
}

async function machineOf(world: ProviderWorld, name: string): Promise<Machine> {
  const found = valueOf(await world.provider.listMachines())
    .filter(isReadable)
    .filter((machine) => machine.name === name);
  const [machine] = found;
  if (machine === undefined || found.length > 1) throw new Error(`${found.length} machines have the name ${name}`);
  return machine;
}

async function runningMachine(world: ProviderWorld, name: string): Promise<Machine> {
  await world.provider.createMachine({ ...world.order, name });
  await world.settle();
  const machine = await machineOf(world, name);
  expect(machine.state).toBe('Running');
  return machine;
}
