import type { Failure, Operation, Outcome } from '../../src/domain/failure.ts';
import { failed, succeeded } from '../../src/domain/failure.ts';
import type { Machine } from '../../src/domain/machine.ts';
import type { CreateResult, Provider } from '../../src/provider/provider.ts';

/** A provider that answers from a list of machines which the test changes as it likes. */
export interface FakeProvider extends Provider {
  machines: readonly Machine[];
  /** Every call in the order of making. */
  readonly calls: readonly Operation[];
  /** How often this call was made. */
  count(operation: Operation): number;
  /** The next calls of this kind fail, one for each failure given. */
  failNext(operation: Operation, ...failures: Omit<Failure, 'operation'>[]): void;
  /** Calls of this kind do not answer until the returned function is called; it lets all of them, and later ones, go. */
  hold(operation: Operation): () => void;
}

export function machine(id: number, fields: Partial<Machine> = {}): Machine {
  return { id, name: `machine-${id}`, state: 'Running', addresses: [], ownerId: 1, ...fields };
}

export function createFakeProvider(machines: readonly Machine[] = []): FakeProvider {
  const calls: Operation[] = [];
  const failures = new Map<Operation, Failure[]>();
  const held = new Map<Operation, Promise<void>>();

  const answer = async <T>(operation: Operation, value: () => T, signal?: AbortSignal): Promise<Outcome<T>> => {
    calls.push(operation);
    await held.get(operation);
    if (signal?.aborted) return failed({ operation, class: 'Retry', code: 'Canceled', text: '' });
    const failure = failures.get(operation)?.shift();
    return failure === undefined ? succeeded(value()) : failed(failure);
  };

  const fake: FakeProvider = {
    machines,
    calls,
    count: (operation) => calls.filter((call) => call === operation).length,
    failNext: (operation, ...more) => {
      const queue = failures.get(operation) ?? [];
      queue.push(...more.map((failure) => Object.assign({ operation }, failure)));
      failures.set(operation, queue);
    },
    hold: (operation) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      held.set(operation, promise);
      return () => {
        held.delete(operation);
        resolve();
      };
    },
    listMachines: (signal) => answer('ListMachines', () => fake.machines, signal),
    getMachine: (id, signal) => answer('GetMachine', () => fake.machines.find((one) => one.id === id), signal),
    createMachine: ({ name }) =>
      answer('CreateMachine', (): CreateResult => {
        const created = machine(fake.machines.length + 1, { name, state: 'Pending' });
        fake.machines = [...fake.machines, created];
        return { id: created.id, machine: created };
      }),
    deleteMachine: () => answer('DeleteMachine', () => 'Accepted' as const),
    startMachine: () => answer('StartMachine', () => undefined),
    stopMachine: () => answer('StopMachine', () => undefined),
    restartMachine: () => answer('RestartMachine', () => undefined),
    killMachine: () => answer('KillMachine', () => undefined),
    listRegions: () => answer('ListRegions', () => [{ id: 1, name: 'New York 1' }]),
    listPackages: () => answer('ListPackages', () => [{ id: 1, name: 'Budget' }]),
    listOsTemplates: () => answer('ListOsTemplates', () => [{ id: 1, name: 'Ubuntu' }]),
  };
  return fake;
}
