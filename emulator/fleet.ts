import type { CatalogueOsTemplate } from './catalogue.ts';
import type { EmulatorClock } from './clock.ts';
import type { Latencies } from './latencies.ts';
import type { Cause, Ledger } from './ledger.ts';
import type { Machine, MachineView, CreateRequest } from './machine.ts';
import { createRandom } from './random.ts';
import { isNamed, type Behaviour } from './behaviour.ts';
import {
  failing,
  isTaskUnderWay,
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
  readonly osTemplates: readonly CatalogueOsTemplate[];
  readonly latencies: Latencies;
  /** Read afresh each time: switches may be turned while machines live. */
  readonly switches: () => Behaviour;
  readonly seed: number;
}

// Far from zero, so that an id is never mistaken for an index, nor a machine's for a package's.
const firstId = 1_001;
const passwordAlphabet = 'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789';
/** How every password begins, so that one that turns up where it does not belong is recognised. */
export const passwordMarker = 'emulated-password-';

/** All machines of all accounts, moved along by commands and by the clock. Every effect goes into the ledger. */
export class Fleet {
  readonly #world: World;
  readonly #machines = new Map<number, Machine>();
  /** How many live machines have a name: looked up, or with ten thousand of them that would be most of the work of a create. */
  readonly #holders = new Map<string, number>();
  /** What somebody said of a machine's guest, by id or by name; it goes before names and templates. */
  readonly #obedience = new Map<number | string, boolean>();
  #nextId = firstId;
  #nextTask = 1;

  constructor(world: World) {
    this.#world = world;
  }

  /** Machines that exist, and for as long as the list is to lag those that do not any more. */
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
    return (this.#holders.get(holding({ name, ownerId })) ?? 0) > 0;
  }

  /** Boots a new machine. Whether the order may be had is for the caller to know. */
  create(order: CreateRequest, ownerId: number, cause: Cause): Machine {
    const machine = this.#add(order, ownerId, cause, 'pending');
    this.#carryOut(machine, 'create', cause);
    return machine;
  }

  /** A machine that is simply there, as if it had been made long ago. */
  place(order: CreateRequest, ownerId: number, state: 'running' | 'halted'): Machine {
    const machine = this.#add(order, ownerId, 'person', state);
    machine.task = { ...machine.task, status: 'complete' };
    if (state === 'running') machine.upSince = this.#world.clock.now();
    return machine;
  }

  /** Whether the command was accepted; what follows takes its time. */
  power(machine: Machine, command: PowerCommand, cause: Cause): boolean {
    const switches = this.#world.switches();
    const verdict = commandResult(command, machine.state, machine.task, switches);
    if (verdict === 'refuse') this.#refused(machine, command, cause);
    if (verdict !== 'accept') return verdict === 'ignore';
    this.#begin(machine, command);
    this.#carryOut(machine, command, cause);
    return true;
  }

  /** Whether the delete was accepted, which it is for a halted machine only. */
  remove(machine: Machine, cause: Cause): boolean {
    // A delete that is queued already is accepted again, and changes nothing.
    if (machine.task.name === 'VmDelete' && isTaskUnderWay(machine.task)) return true;
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

  /** Ends a machine whatever its state: what only the provider's own people can do. */
  destroy(machine: Machine, cause: Cause): void {
    if (machine.deletedAt !== undefined) return;
    machine.cancel();
    machine.deletedAt = this.#world.clock.now();
    this.#hold(machine, -1);
    this.#world.ledger.happened({ kind: 'deleted', ...subject(machine), from: machine.state, cause });
    const forget = () => void this.#machines.delete(machine.id);
    const lag = this.#world.switches().deletedListLag;
    if (lag === 0) forget();
    else this.#world.clock.schedule(lag, forget);
  }

  setIgnoresShutdown(idOrName: number | string, ignores: boolean): void {
    this.#obedience.set(idOrName, ignores);
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

  #add(order: CreateRequest, ownerId: number, cause: Cause, state: State): Machine {
    const { clock, ledger, seed } = this.#world;
    const id = this.#nextId++;
    const now = clock.now();
    const random = createRandom(Math.imul(seed, 2_654_435_761) ^ id);
    const machine: Machine = {
      ...order,
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
    this.#hold(machine, 1);
    ledger.happened({ kind: 'created', ...subject(machine), to: state, cause });
    return machine;
  }

  #hold(machine: Machine, more: 1 | -1): void {
    const count = (this.#holders.get(holding(machine)) ?? 0) + more;
    if (count === 0) this.#holders.delete(holding(machine));
    else this.#holders.set(holding(machine), count);
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
      this.#obedience.get(id) ??
      this.#obedience.get(name) ??
      (isNamed(this.#world.switches().ignoresShutdownNames, name) || template?.ignoresShutdown === true);
    return { ignoresShutdown };
  }
}

function subject({ id, name, ownerId }: Machine): { machineId: number; machineName: string; account: number } {
  return { machineId: id, machineName: name, account: ownerId };
}

function holding({ name, ownerId }: Pick<Machine, 'name' | 'ownerId'>): string {
  return `${ownerId}/${name}`;
}
