import { readiness } from '../support/control-plane.ts';
import { objectOf } from '../support/machine-name.ts';
import type { OperatorProcess } from '../support/operator-process.ts';
import { type Passing, type Point, startWireProxy, type Treatment, type WireProxy } from '../support/wire-proxy.ts';
import type { VirtualMachine } from '../../src/api/v1alpha1/types.ts';
import type { OperatorFixture } from '../integration/operator/fixture.ts';
import type { HeldClock } from './held-clock.ts';
import { type Expectation, judge, machinesOf, missing } from './oracle.ts';
import { type Phase, subject } from './phases.ts';

/** One death of the operator: at which request, and what was wrong after it, if anything. */
export interface Kill {
  readonly phase: string;
  readonly api: Passing['api'];
  readonly signature: string;
  readonly problems: readonly string[];
}

/** A life as it was lived, with all its deaths at the same point. */
export interface Life {
  readonly point: Point;
  readonly kills: readonly Kill[];
  /** What went wrong, a sentence each, with the phase and the death it followed. */
  readonly problems: readonly string[];
  /** Machines beyond the first ever made for an object. */
  readonly duplicated: number;
  /** VMs that are left unexplained in the end. */
  readonly leaked: number;
}

/** How long after a death things may take to be as they should: slowest is a create whose answer was lost. Milliseconds. */
const patience = 60_000;

/** Another object that never changes: with it the operator still requests the list after the first object is removed. */
const neighbor = 'neighbor';

/**
 * Leads an object through the phases with an operator that is killed at this point of every request which it makes for the
 * first time in its phase, and is started again each time. Rejects for nothing that the operator does wrong.
 */
export async function live(
  stage: OperatorFixture,
  clock: HeldClock,
  entry: string,
  point: Point,
  phases: readonly Phase[],
): Promise<Life> {
  const mortal = new Mortal(stage, clock, entry, point);
  await mortal.prepare();
  for (const phase of phases) {
    // Where a goal is not reached there is nothing to go on from.
    if (!(await mortal.goThrough(phase))) break;
  }
  return mortal.end();
}

/** What every process asks before it reads its first object. It changes nothing, and a death there is one at the start. */
function isInquiry({ path }: Passing): boolean {
  return path.startsWith('/openapi/') || path.endsWith('/selfsubjectaccessreviews');
}

class Mortal {
  readonly #stage: OperatorFixture;
  /** The emulator's. */
  readonly #clock: HeldClock;
  readonly #entry: string;
  readonly #point: Point;
  readonly #kills: (Kill & { readonly problems: string[] })[] = [];
  readonly #problems: string[] = [];
  readonly #known = new Set<string>();
  /** Of this phase. */
  #seen = new Set<string>();
  /** The phase in which it may die; undefined while it is let be. */
  #phase: string | undefined;
  /** The object that it is about. */
  #object = subject;
  #isDying = false;
  #diedAt = 0;
  /** How often it has asked for the account's list without asking for anything else after that: from two on it rests. */
  #listsInARow = 0;
  /** Which of the next lists is the first to show what was made just now; 0: all do. */
  #listsToLack = 0;
  #expectation: Expectation = { object: subject, bystanders: new Set(), since: 0, calls: {} };
  #proxy: WireProxy | undefined;
  #operator: OperatorProcess | undefined;

  constructor(stage: OperatorFixture, clock: HeldClock, entry: string, point: Point) {
    this.#stage = stage;
    this.#clock = clock;
    this.#entry = entry;
    this.#point = point;
  }

  async prepare(): Promise<void> {
    const { emulator, directory, kubeconfig, apiUrl } = this.#stage;
    emulator.panel.create({ name: 'of-another-user' });
    const decide = (request: Passing): Treatment => this.#decide(request);
    this.#proxy = await startWireProxy({ kubeconfig, apiUrl, directory, decide });
    this.#start();
    await this.#stage.create(neighbor);
    await this.#stage.untilReady(neighbor, 'True/Available');
    const bystanders = new Set(emulator.machines().map(({ id }) => id));
    this.#expectation = { ...this.#expectation, bystanders };
  }

  /** Whether its goal was reached. */
  async goThrough(phase: Phase): Promise<boolean> {
    const { ledger } = this.#stage.emulator;
    const since = Math.max(...[...ledger.calls, ...ledger.effects].map(({ seq }) => seq));
    this.#expectation = { ...this.#expectation, since, calls: phase.calls };
    this.#seen = new Set();
    this.#phase = phase.name;
    this.#object = phase.object ?? subject;
    this.#diedAt = performance.now();
    // First all that it does while the machine is on its way, however long its deaths take; then the rest.
    this.#clock.hold();
    await phase.begin(this.#stage);
    const isBegun = await this.#rest((object) => phase.isReached(object) || this.#isOnItsWay());
    this.#clock.letGo();
    const isReached = isBegun && (await this.#rest((object) => phase.isReached(object)));
    this.#judge();
    if (isReached) this.#note([...missing(ledger, this.#expectation), ...((await phase.check?.(this.#stage)) ?? [])]);
    this.#phase = undefined;
    return isReached;
  }

  async end(): Promise<Life> {
    this.#isDying = true;
    await this.#operator?.kill();
    await this.#proxy?.close();
    const { ledger } = this.#stage.emulator;
    const { bystanders } = this.#expectation;
    return {
      point: this.#point,
      kills: this.#kills,
      problems: this.#problems,
      duplicated: [subject, neighbor].reduce((sum, name) => sum + Math.max(0, machinesOf(ledger, name) - 1), 0),
      leaked: ledger.liveMachines().filter(({ id }) => !bystanders.has(id)).length,
    };
  }

  #decide(request: Passing): Treatment {
    const { api, signature } = request;
    this.#listsInARow = signature === 'GET /virtual_machines' ? this.#listsInARow + 1 : 0;
    // What it sends while it is dying it will send again when it lives, and then it is that request's turn.
    if (this.#isDying) return { kind: 'hang', at: 'before' };
    if (this.#phase === undefined || this.#seen.has(signature) || isAbout(neighbor, request) || isInquiry(request)) {
      if (signature === 'GET /virtual_machines') this.#countList();
      return { kind: 'pass' };
    }
    this.#judge();
    if (signature === 'POST /virtual_machines') this.#hideNewcomers();
    this.#seen.add(signature);
    this.#isDying = true;
    this.#kills.push({ phase: this.#phase, api, signature, problems: [] });
    return { kind: 'act', at: this.#point, act: () => this.#die() };
  }

  /** What it made when it died is in neither of its next two lists: one that lacks a machine does not show that it is not there. */
  #hideNewcomers(): void {
    const { emulator } = this.#stage;
    const bystanders = emulator.machines().filter(({ id }) => this.#expectation.bystanders.has(id));
    const newest = Math.max(...bystanders.map(({ createdAt }) => createdAt));
    emulator.setSwitches({ listLag: emulator.clock.now() - newest });
    this.#listsToLack = 3;
  }

  #countList(): void {
    if (this.#listsToLack === 0) return;
    this.#listsToLack -= 1;
    if (this.#listsToLack === 0) this.#stage.emulator.setSwitches({ listLag: 0 });
  }

  async #die(): Promise<void> {
    await this.#operator?.kill();
    this.#diedAt = performance.now();
    this.#listsInARow = 0;
    this.#isDying = false;
    this.#start();
  }

  #start(): void {
    if (this.#proxy === undefined) throw new Error('the connection to the two APIs is not set up yet');
    const operator = this.#stage.start({ entry: this.#entry, through: this.#proxy });
    this.#operator = operator;
    void this.#watch(operator);
  }

  async #watch(operator: OperatorProcess): Promise<void> {
    const code = await operator.exited;
    if (this.#isDying || this.#operator !== operator) return;
    this.#note([`the operator ended by itself, with code ${code}`]);
  }

  /** Waits until it is so and the operator, which can see that, rests; answers whether that came to be. */
  async #rest(isSo: (object: VirtualMachine | undefined) => boolean): Promise<boolean> {
    let object: VirtualMachine | undefined;
    let wasSo = false;
    while (performance.now() - this.#diedAt < patience) {
      const kills = this.#kills.length;
      object = await this.#stage.object(this.#object);
      const isSoNow = isSo(object);
      if (isSoNow && !wasSo) this.#listsInARow = 0;
      wasSo = isSoNow;
      const isResting = this.#listsInARow >= 2 && this.#proxy?.underWay === 0;
      if (isSoNow && isResting && kills === this.#kills.length) return true;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    this.#note([`stuck at ${readiness(object)}`]);
    return false;
  }

  /** The machine is in transition, and lists show it. */
  #isOnItsWay(): boolean {
    const machine = this.#stage.emulator.machines().find(({ name }) => objectOf(name) === this.#object);
    const isInTransition = machine !== undefined && ['pending', 'starting', 'halting'].includes(machine.state);
    return isInTransition && this.#listsToLack === 0;
  }

  /** Whatever the ledger shows only now came of the last death. */
  #judge(): void {
    this.#note(judge(this.#stage.emulator.ledger, this.#expectation));
  }

  #note(problems: readonly string[]): void {
    const last = this.#kills.at(-1);
    for (const problem of problems.filter((one) => !this.#known.has(one))) {
      this.#known.add(problem);
      last?.problems.push(problem);
      this.#problems.push(`${this.#phase ?? 'before'}, ${this.#point} ${last?.signature ?? 'any request'}: ${problem}`);
    }
  }
}

function isAbout(name: string, { path, body }: Passing): boolean {
  return path.split('/').includes(name) || body.includes(`"name":"${name}"`);
}
