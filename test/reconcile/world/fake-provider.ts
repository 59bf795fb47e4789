import type { Clock } from '../../../src/domain/clock.ts';
import { type Failure, failed, type Operation, type Outcome, succeeded } from '../../../src/domain/failure.ts';
import type { CreateRequest, Machine, MachineState, ProviderId } from '../../../src/domain/machine.ts';
import type { CreateResult, Provider } from '../../../src/provider/provider.ts';

type Accident = Omit<Failure, 'operation' | 'text'> & {
  readonly text?: string;
  /** Whether the call took effect before its answer was lost. */
  readonly hasEffect?: boolean;
};

const callTakes = 10;
const stepTakes = 2_000;

/** The provider's machine room on a manual clock: every call takes 10 ms, every transition 2 s. */
export class InMemoryProvider {
  readonly calls: { readonly operation: Operation; readonly at: number }[] = [];
  readonly machines = new Map<ProviderId, Machine>();
  /** The next calls of the kind meet these, one each. */
  readonly accidents = new Map<Operation, Accident[]>();
  /** All calls of the kind fail so, until taken out again. */
  readonly broken = new Map<Operation, Accident>();
  /** What a call waits for before anything comes of it; a promise that never resolves makes it hang. */
  holds: (operation: Operation, ownerId: ProviderId) => Promise<void> | undefined = () => undefined;
  /** Owners whose keys are not accepted. */
  readonly refused = new Set<ProviderId>();
  /** What a list shows, if not all machines. */
  listed: (machine: Machine) => boolean = () => true;
  /** Which machines answer to their id, if not all. */
  answering: (machine: Machine) => boolean = () => true;
  /** In which states it can be deleted. */
  deletable: readonly MachineState[] = ['Halted'];
  ownerId = 1;
  /** The id before the first one. */
  firstId = 0;
  /** How many VMs were created with each name. */
  readonly made = new Map<string, number>();
  /** How many restarts took effect. */
  restarts = 0;
  /** Names that two machines had at the same time, ever. */
  readonly heldTwice = new Set<string>();
  /** Every call that would change a VM of a bystander. */
  readonly bystanderChanges: Operation[] = [];
  readonly #bystanders = new Map<ProviderId, Machine>();
  readonly #clock: Clock;
  #ids = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  count(operation: Operation, since = 0): number {
    return this.calls.filter((call) => call.operation === operation && call.at >= since).length;
  }

  add(name: string, fields: Partial<Machine> = {}): Machine {
    this.#ids += 1;
    const machine: Machine = {
      id: this.firstId + this.#ids,
      name,
      state: 'Running',
      addresses: [],
      ownerId: this.ownerId,
      ...fields,
    };
    if ([...this.machines.values()].some((other) => other.name === name && other.ownerId === machine.ownerId))
      this.heldTwice.add(name);
    this.machines.set(machine.id, machine);
    this.made.set(name, (this.made.get(name) ?? 0) + 1);
    return machine;
  }

  get bystanders(): readonly Machine[] {
    return [...this.#bystanders.values()];
  }

  addBystander(machine: Machine): void {
    this.#bystanders.set(machine.id, machine);
  }

  set(id: ProviderId, fields: Partial<Machine>): void {
    const machine = this.machines.get(id);
    if (machine !== undefined) this.machines.set(id, { ...machine, ...fields });
  }

  /** The provider as a bystander's key sees it: the trouble that a test makes for calls is not for these. */
  connectBystander(ownerId: ProviderId): Provider {
    const answer = async <T>(value: () => T): Promise<Outcome<T>> => {
      await this.#pass(callTakes);
      return succeeded(value());
    };
    const change = (operation: Operation): Promise<Outcome<never>> => {
      this.bystanderChanges.push(operation);
      return Promise.resolve(failed({ operation, class: 'Terminal', code: 'Forbidden', status: 403, text: '' }));
    };
    return {
      listMachines: () => answer(() => this.#listOf(ownerId)),
      getMachine: (id) => answer(() => this.#listOf(ownerId).find((machine) => machine.id === id)),
      createMachine: () => change('CreateMachine'),
      deleteMachine: () => change('DeleteMachine'),
      startMachine: () => change('StartMachine'),
      stopMachine: () => change('StopMachine'),
      restartMachine: () => change('RestartMachine'),
      killMachine: () => change('KillMachine'),
      listRegions: () => answer(() => undefined),
      listPackages: () => answer(() => undefined),
      listOsTemplates: () => answer(() => undefined),
    };
  }

  #listOf(ownerId: ProviderId): readonly Machine[] {
    const own = [...this.machines.values()].filter((one) => one.ownerId === ownerId && this.listed(one));
    return [...own, ...this.bystanders.filter((one) => one.ownerId === ownerId)];
  }

  /** The provider as one key sees it: machines of another owner are a 404. */
  connect(ownerId: ProviderId): Provider {
    const mine = (id: ProviderId): Machine | undefined => {
      const machine = this.machines.get(id) ?? this.#bystanders.get(id);
      return machine?.ownerId === ownerId ? machine : undefined;
    };
    const call = <T>(operation: Operation, effect: () => Outcome<T>): Promise<Outcome<T>> => {
      const isRefused = this.refused.has(ownerId);
      const unauthorized = { operation, class: 'Credentials', code: 'Unauthorized', status: 401, text: '' } as const;
      return this.#call(operation, isRefused ? () => failed(unauthorized) : effect, this.holds(operation, ownerId));
    };
    const power = (operation: Operation, id: ProviderId, from: MachineState[], via: MachineState, to: MachineState) =>
      call<void>(operation, () => {
        if (this.#bystanders.has(id)) this.bystanderChanges.push(operation);
        const machine = mine(id);
        if (machine === undefined || !from.includes(machine.state)) return this.#busy(operation);
        if (operation === 'RestartMachine') this.restarts += 1;
        this.set(id, { updatedAt: new Date(this.#clock.now()).toISOString() });
        this.#lead(id, via, to);
        return succeeded(undefined);
      });
    return {
      listMachines: () => call('ListMachines', () => succeeded(this.#listOf(ownerId))),
      getMachine: (id) =>
        call('GetMachine', () => {
          const machine = mine(id);
          return succeeded(machine !== undefined && this.answering(machine) ? machine : undefined);
        }),
      createMachine: ({ name }: CreateRequest) =>
        call<CreateResult>('CreateMachine', () => {
          const createdAt = new Date(this.#clock.now()).toISOString();
          const machine = this.add(name, { state: 'Pending', ownerId, createdAt });
          this.#lead(machine.id, 'Pending', 'Running');
          return succeeded({ id: machine.id, machine });
        }),
      deleteMachine: (id) =>
        call<'Accepted' | 'NotFound'>('DeleteMachine', () => {
          if (this.#bystanders.has(id)) this.bystanderChanges.push('DeleteMachine');
          const state = mine(id)?.state;
          if (state === undefined || !this.deletable.includes(state)) {
            const text = `VM is ${state}`;
            return failed({ operation: 'DeleteMachine', class: 'Wait', code: 'BadRequest', status: 400, text });
          }
          this.machines.delete(id);
          return succeeded('Accepted');
        }),
      startMachine: (id) => power('StartMachine', id, ['Halted'], 'Starting', 'Running'),
      stopMachine: (id) => power('StopMachine', id, ['Running'], 'Halting', 'Halted'),
      restartMachine: (id) => power('RestartMachine', id, ['Running'], 'Halting', 'Running'),
      killMachine: (id) => power('KillMachine', id, ['Running', 'Halting'], 'Halting', 'Halted'),
      listRegions: () => call('ListRegions', () => succeeded(undefined)),
      listPackages: () => call('ListPackages', () => succeeded(undefined)),
      listOsTemplates: () => call('ListOsTemplates', () => succeeded(undefined)),
    };
  }

  #busy(operation: Operation): Outcome<never> {
    return failed({ operation, class: 'Wait', code: 'Busy', status: 406, text: '' });
  }

  #lead(id: ProviderId, via: MachineState, to: MachineState): void {
    this.set(id, { state: via });
    this.#clock.schedule(stepTakes, () => this.set(id, { state: to }));
  }

  async #call<T>(operation: Operation, effect: () => Outcome<T>, hold?: Promise<void>): Promise<Outcome<T>> {
    this.calls.push({ operation, at: this.#clock.monotonic() });
    await hold;
    const accident = this.accidents.get(operation)?.shift() ?? this.broken.get(operation);
    if (accident !== undefined) {
      await this.#pass(callTakes);
      const { hasEffect = false, ...failure } = accident;
      if (hasEffect) effect();
      return failed({ operation, text: '', ...failure });
    }
    await this.#pass(callTakes / 2);
    const outcome = effect();
    await this.#pass(callTakes / 2);
    return outcome;
  }

  #pass(milliseconds: number): Promise<void> {
    return new Promise((resolve) => this.#clock.schedule(milliseconds, resolve));
  }
}
