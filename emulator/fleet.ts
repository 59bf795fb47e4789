import type { CatalogOsTemplate } from './catalog.ts';
import type { EmulatorClock } from './clock.ts';
import type { Latencies } from './latencies.ts';
import type { Cause, Ledger } from './ledger.ts';
import type { Machine, MachineView, CreateRequest } from './machine.ts';
import { createRandom } from './random.ts';
import { isNamed, type Behavior } from './behavior.ts';
import {
  failing,
  isTaskInProgress,
  commandResult,
  stepsOf,
  taskOf,
  type Command,
  type PowerCommand,
  type State,
  type Step,
} from './transitions.ts';

interface World {
  readonly clock: EmulatorClock;
  readonly ledger: Ledger;
  readonly osTemplates: readonly CatalogOsTemplate[];
  readonly latencies: Latencies;
  /** Read for each use: switches may change while VMs exist. */
  readonly switches: () => Behavior;
  readonly seed: number;
}

// Far from zero, so that an id can't be confused with an index or with the id of a package.
const firstId = 1_001;
const passwordAlphabet = 'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789';
/** The prefix of every password, so that tests recognize a leaked one. */
export const passwordMarker = 'emulated-password-';

/** All VMs of all accounts. Commands and the clock change them, and the ledger records every effect. */
export class Fleet {
  readonly #world: World;
  readonly #machines = new Map<number, Machine>();
  /** How many VMs have a name. Counting them in a fleet of ten thousand would dominate the cost of a create. */
  readonly #nameCounts = new Map<string, number>();
  /** How the guest of a VM behaves, by id or by name; takes precedence over switches and templates. */
  readonly #ignoresShutdown = new Map<number | string, boolean>();
  #nextId = firstId;
  #nextTask = 1;

  constructor(world: World) {
    this.#world = world;
  }

  /** VMs that exist, and deleted ones until the list lag is over. */
  all(): readonly Machine[] {
    return [...this.#machines.values()];
  }

  live(): readonly Machine[] {
    return this.all().filter(({ deletedAt }) => deletedAt === undefined);
  }

  find(id: number): Machine | undefined {
    const machine = this.#machines.get(id);
    return machine?.deletedAt === undefined ? machine : undefined;
  }

  isNameTaken(name: string, ownerId: number): boolean {
    return (this.#nameCounts.get(nameKey({ name, ownerId })) ?? 0) > 0;
  }

  /** Creates and boots a VM. The caller has validated the request. */
  create(request: CreateRequest, ownerId: number, cause: Cause): Machine {
    const machine = this.#add(request, ownerId, cause, 'pending');
    this.#carryOut(machine, 'create', cause);
    return machine;
  }

  /** Adds a VM immediately, as if it had been created long ago. */
  place(request: CreateRequest, ownerId: number, state: 'running' | 'halted'): Machine {
    const machine = this.#add(request, ownerId, 'panel', state);
    machine.task = { ...machine.task, status: 'complete' };
    if (state === 'running') machine.upSince = this.#world.clock.now();
    return machine;
  }

  /** Whether the command was accepted; its effects follow later. */
  power(machine: Machine, command: PowerCommand, cause: Cause): boolean {
    const switches = this.#world.switches();
    const verdict = commandResult(command, machine.state, machine.task, switches);
    if (verdict === 'refuse') this.#refused(machine, command, cause);
    if (verdict !== 'accept') return verdict === 'ignore';
    this.#begin(machine, command);
    this.#carryOut(machine, command, cause);
    return true;
  }

  /** Whether the delete was accepted, which only a halted VM does. */
  remove(machine: Machine, cause: Cause): boolean {
    // A repeated delete is accepted again, without effect.
    if (machine.task.name === 'VmDelete' && isTaskInProgress(machine.task)) return true;
    if (commandResult('delete', machine.state, machine.task, this.#world.switches()) !== 'accept') {
      this.#refused(machine, 'delete', cause);
      return false;
    }
    this.#begin(machine, 'delete');
    if (this.#fails(machine)) {
      this.#follow(machine, failing([]), cause);
      return true;
    }
    const delay = this.#delay(machine, 'remove');
    if (delay === 0) this.destroy(machine, cause);
    else machine.cancel = this.#world.clock.schedule(delay, () => this.destroy(machine, cause));
    return true;
  }

  /** Deletes a VM in any state, as only the provider's control panel can. */
  destroy(machine: Machine, cause: Cause): void {
    if (machine.deletedAt !== undefined) return;
    machine.cancel();
    machine.deletedAt = this.#world.clock.now();
    this.#countName(machine, -1);
    this.#world.ledger.happened({ kind: 'deleted', ...subject(machine), from: machine.state, cause });
    const forget = () => void this.#machines.delete(machine.id);
    const lag = this.#world.switches().deletedListLag;
    if (lag === 0) forget();
    else this.#world.clock.schedule(lag, forget);
  }

  setIgnoresShutdown(idOrName: number | string, ignores: boolean): void {
    this.#ignoresShutdown.set(idOrName, ignores);
  }

  view(machine: Machine): MachineView {
    const { id, name, ownerId, state, task, createdAt, updatedAt } = machine;
    const { regionId, packageId, osTemplateId, hasIpv6, hasPrivateNetworking } = machine;
    return {
      id,
      name,
      ownerId,
      state,
      task,
      createdAt,
      updatedAt,
      regionId,
      packageId,
      osTemplateId,
      hasIpv6,
      hasPrivateNetworking,
      ...this.#guest(machine),
    };
  }

  #add(request: CreateRequest, ownerId: number, cause: Cause, state: State): Machine {
    const { clock, ledger, seed } = this.#world;
    const id = this.#nextId++;
    const now = clock.now();
    const random = createRandom(Math.imul(seed, 2_654_435_761) ^ id);
    const machine: Machine = {
      ...request,
      id,
      ownerId,
      createdAt: now,
      password: `${passwordMarker}${random.text(16, passwordAlphabet)}`,
      random,
      state,
      task: { id: this.#nextTask++, name: taskOf.create, status: 'pending' },
      updatedAt: now,
      upSince: undefined,
      upFor: 0,
      bootLoops: 0,
      deletedAt: undefined,
      cancel: () => {},
    };
    this.#machines.set(id, machine);
    this.#countName(machine, 1);
    ledger.happened({ kind: 'created', ...subject(machine), to: state, cause });
    return machine;
  }

  #countName(machine: Machine, more: 1 | -1): void {
    const count = (this.#nameCounts.get(nameKey(machine)) ?? 0) + more;
    if (count === 0) this.#nameCounts.delete(nameKey(machine));
    else this.#nameCounts.set(nameKey(machine), count);
  }

  #begin(machine: Machine, command: Command): void {
    machine.cancel();
    machine.task = { id: this.#nextTask++, name: taskOf[command], status: 'pending' };
    machine.updatedAt = this.#world.clock.now();
  }

  #carryOut(machine: Machine, command: PowerCommand | 'create', cause: Cause): void {
    const steps = stepsOf(command, this.#world.switches(), this.#guest(machine));
    this.#follow(machine, this.#fails(machine) ? failing(steps) : steps, cause);
  }

  #fails({ task, name }: Machine): boolean {
    return isNamed(this.#world.switches().failedTasks, `${task.name} ${name}`);
  }

  #follow(machine: Machine, steps: readonly Step[], cause: Cause): void {
    const [step, ...rest] = steps;
    if (step === undefined) return;
    machine.cancel = this.#world.clock.schedule(this.#delay(machine, step.after), () => {
      if (step.task !== undefined) machine.task = { ...machine.task, status: step.task };
      if (step.to !== undefined) this.#move(machine, step.to, cause);
      if (rest.length > 0) this.#follow(machine, rest, cause);
      else if (step.to === 'running') this.#mayFallBack(machine);
    });
  }

  #mayFallBack(machine: Machine): void {
    const { bootLoopNames, bootLoopCount, bootLoopAfter } = this.#world.switches();
    if (!isNamed(bootLoopNames, machine.name) || (bootLoopCount > 0 && machine.bootLoops >= bootLoopCount)) return;
    machine.bootLoops += 1;
    machine.cancel = this.#world.clock.schedule(bootLoopAfter, () => this.#move(machine, 'halted', 'clock'));
  }

  #move(machine: Machine, to: State, cause: Cause): void {
    const now = this.#world.clock.now();
    const from = machine.state;
    machine.state = to;
    if (machine.upSince !== undefined) machine.upFor += now - machine.upSince;
    machine.upSince = to === 'running' ? now : undefined;
    this.#world.ledger.happened({ kind: 'transition', ...subject(machine), from, to, cause });
  }

  #refused(machine: Machine, command: Command, cause: Cause): void {
    this.#world.ledger.happened({ kind: 'refused', ...subject(machine), from: machine.state, command, cause });
  }

  #delay(machine: Machine, part: keyof Latencies): number {
    const latency = this.#world.latencies[part];
    return typeof latency === 'number' ? latency : machine.random.between(latency[0], latency[1]);
  }

  #guest({ id, name, osTemplateId }: Machine): { readonly ignoresShutdown: boolean } {
    const template = this.#world.osTemplates.find((entry) => entry.id === osTemplateId);
    const ignoresShutdown =
      this.#ignoresShutdown.get(id) ??
      this.#ignoresShutdown.get(name) ??
      (isNamed(this.#world.switches().ignoresShutdownNames, name) || template?.ignoresShutdown === true);
    return { ignoresShutdown };
  }
}

function subject({ id, name, ownerId }: Machine): { machineId: number; machineName: string; account: number } {
  return { machineId: id, machineName: name, account: ownerId };
}

function nameKey({ name, ownerId }: Pick<Machine, 'name' | 'ownerId'>): string {
  return `${ownerId}/${name}`;
}
