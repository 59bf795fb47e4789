import { availableParallelism } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import type { OperatorProcess } from '../test/support/operator-process.ts';
import type { PowerState } from '../src/api/v1alpha1/types.ts';
import { monotonicMilliseconds } from '../emulator/clock.ts';
import type { CallEntry } from '../emulator/ledger.ts';
import { type BareWatch, roundTrip, startBareWatch } from './bare-watch.ts';
import {
  figuresOfAttack,
  figuresOfBursts,
  figuresOfCreates,
  figuresOfDeletes,
  figuresOfFlips,
  figuresOfMishaps,
  figuresOfOutage,
  figuresOfStarts,
  figuresOfSteadyState,
  figuresOfWriteCosts,
} from './figures.ts';
import { type Made, isSettled } from './fleet.ts';
import { inParallel } from './parallel.ts';
import { between, readMetrics, type Reading, type Span } from './readings.ts';
import type { Attack, Burst, Flip, Measured, Outage, Results, Start, WriteCosts } from './results.ts';
import { seed } from './seed.ts';
import { apiKey, type Launch, namespaces, peakMemoryOf, type BenchEnvironment } from './environment.ts';
import type { Section } from './table.ts';
import { measureWriteCosts } from './write-cost.ts';

/** The amount of work for a run of this size: enough for stable figures, and no longer than necessary. */
interface Extent {
  readonly starts: number;
  /** Half of them halt a VM, half start it again. */
  readonly flips: number;
  /** The number of objects of a burst, and of those that are created and deleted. */
  readonly atOnce: number;
  readonly withoutPassword: number;
  /** Undefined: waits for whole polls. */
  readonly steadySeconds: number | undefined;
  readonly downSeconds: number;
}

function extentOf(size: number): Extent {
  return size < 1_000
    ? { starts: 3, flips: 30, atOnce: size, withoutPassword: size / 2, steadySeconds: 20, downSeconds: 15 }
    : { starts: 3, flips: 100, atOnce: 1_000, withoutPassword: 100, steadySeconds: undefined, downSeconds: 60 };
}

/** A part ends after this time without calls: milliseconds. */
const stillness = 3_000;
const patience = 60_000;
/** The limit of concurrent requests. */
const together = 32;
/** Enough writes for several collections of garbage in the API server, which are a large part of the cost. */
const writeRounds = { objects: 60, rounds: 3 } as const;
/** The label of what is created and deleted during the run. */
const passing = 'passing';

/** Receives the progress of the run: what starts, and the results of each part as soon as it ends. */
interface Listener {
  readonly say: (text: string) => void;
  readonly show: (section: Section) => void;
}

/** Runs VMs through their life cycle and measures each part of it. */
export async function run(stage: BenchEnvironment, size: number, { say, show }: Listener): Promise<Results> {
  const extent = extentOf(size);
  const bench = new Bench(stage, size);
  const names = Array.from({ length: size }, (_, index) => `bench-${index + 1}`);

  say(`creating ${size} VMs and their objects, the first by the operator and the others after it`);
  await bench.populate(names);

  say('writing objects without an operator, and those of a plain custom resource');
  const writeCosts = await bench.writeCosts(names[0] ?? '');
  if (writeCosts !== undefined) show(figuresOfWriteCosts(writeCosts));

  say(`starting the operator ${extent.starts} times`);
  const starts: Start[] = [];
  for (let count = 0; count < extent.starts; count += 1) starts.push(await bench.start());
  show(figuresOfStarts(size, starts));
  await inParallel(names.slice(0, extent.atOnce), together, async (name) =>
    stage.unwatched.createLike(await stage.fleet.get(name)),
  );

  say(`idle for ${extent.steadySeconds === undefined ? 'two polls' : `${extent.steadySeconds} s`}`);
  const steady = await bench.letBe(extent.steadySeconds);
  show(figuresOfSteadyState(size, steady));

  say(`changing power ${extent.flips} times, one after the other`);
  const flips: Flip[] = [];
  const watch = await bench.startBareWatch(names[0] ?? '');
  const flipping = await bench.measure(extent.flips, async () => {
    for (let count = 0; count < extent.flips; count += 1) {
      // Twice each, so that all VMs run again at the end.
      const name = names[Math.floor(count / 2) % size] ?? '';
      flips.push(await bench.flip(name, count % 2 === 0 ? 'Halted' : 'Running', watch));
    }
  });
  watch.close();
  show(figuresOfFlips(flips, flipping));

  say(`changing power of ${extent.atOnce} at once, twice`);
  const bursts: Burst[] = [];
  const bursting = await bench.measure(2 * extent.atOnce, async () => {
    for (const power of ['Halted', 'Running'] as const)
      bursts.push(await bench.burst(names.slice(0, extent.atOnce), power));
  });
  show(figuresOfBursts(bursts, bursting));

  say(`changing power ${extent.flips} times while another tenant causes load`);
  const attack = await bench.attack(names, extent.flips);
  show(figuresOfAttack(flips, attack));

  say(`creating ${extent.atOnce} more, at the default rate of calls`);
  await bench.relaunch({ isPaced: true });
  const withPassword = await bench.create('more', extent.atOnce, {});
  show(figuresOfCreates(withPassword, true));
  say(`creating ${extent.withoutPassword} more without a Secret for the password, at no rate`);
  await bench.relaunch({});
  const withoutPassword = await bench.create('plain', extent.withoutPassword, { isWithoutPassword: true });
  show(figuresOfCreates(withoutPassword, false));

  const passed = extent.atOnce + extent.withoutPassword;
  say(`deleting these ${passed}`);
  const deletes = await bench.delete(passed);
  const left = {
    objects: (await stage.fleet.list(passing)).length,
    machines: (await stage.emulator.ledger()).liveMachines.length - size,
  };
  show(figuresOfDeletes(deletes, left));

  say(`stopping the API server for ${extent.downSeconds} s`);
  const outage = await bench.outage(names[0] ?? '', extent.downSeconds);
  show(figuresOfOutage(outage));

  const ledger = await stage.emulator.ledger();
  const mishaps = {
    duplicates: ledger.duplicates.length,
    forbidden: ledger.forbiddenTransitions.length + ledger.impossibleEffects.length,
  };
  show(figuresOfMishaps(mishaps));
  return {
    size,
    cores: availableParallelism(),
    starts,
    ...(writeCosts === undefined ? {} : { writeCosts }),
    steady,
    flips,
    flipping,
    bursts,
    bursting,
    attack,
    creating: { withPassword, withoutPassword },
    deleting: { ...deletes, left },
    outage,
    mishaps,
  };
}

/** An environment with a fleet, and the actions on it. */
export class Bench {
  readonly #stage: BenchEnvironment;
  readonly #size: number;
  #operator: OperatorProcess | undefined;
  #metricsUrl = '';

  constructor(stage: BenchEnvironment, size: number) {
    this.#stage = stage;
    this.#size = size;
  }

  /** Stops the operator at the end. */
  async populate([first = '', ...others]: readonly string[]): Promise<void> {
    const { fleet, emulator } = this.#stage;
    await this.#launch();
    await fleet.create(first);
    await this.#until(`${first} is settled`, 1, async () => isSettled(await fleet.get(first)));
    await this.#readWhenStill();
    await this.#operator?.stop();
    await seed(fleet, emulator, others, await fleet.get(first), apiKey);
  }

  /** While no operator runs. Undefined where the CPU of a process can't be read. */
  async writeCosts(pilot: string): Promise<WriteCosts | undefined> {
    const { plane, fleet } = this.#stage;
    const [apiServer, etcd] = [plane.pidOf('kube-apiserver'), plane.pidOf('etcd')];
    if (process.platform !== 'linux' || apiServer === undefined || etcd === undefined) return undefined;
    return measureWriteCosts(
      plane.kubeconfigPath,
      namespaces.unwatched,
      { apiServer, etcd },
      await fleet.get(pilot),
      writeRounds,
    );
  }

  async stop(): Promise<void> {
    await this.#operator?.stop();
  }

  /** Restarts the operator, and leaves it running once it is idle. */
  async relaunch(launch: Launch): Promise<void> {
    await this.stop();
    await this.#launch(launch);
    await this.#lastPassAfter(performance.now());
    await this.#readWhenStill();
  }

  /** The same, with its cost; the number of objects must match the fleet. */
  async start(launch: Launch = {}): Promise<Start> {
    await this.stop();
    const { fleet, emulator } = this.#stage;
    const listStart = performance.now();
    const listed = (await fleet.list()).length;
    const listMilliseconds = performance.now() - listStart;
    if (listed !== this.#size) throw new Error(`there are ${listed} objects, not ${this.#size}`);

    const { callsByOperation: provider } = await emulator.calls();
    const startedAt = performance.now();
    const nothing = { at: Date.now(), provider, kubernetesWrites: {}, cpuSeconds: 0, residentBytes: 0, passes: 0 };
    const operator = await this.#launch(launch);
    const milliseconds = await this.#lastPassAfter(startedAt);
    const peakBytes = peakMemoryOf(operator.pid);
    const span = between(nothing, await this.#readWhenStill());
    return { milliseconds, listMilliseconds, peakBytes, span };
  }

  /** When the reconciliations of all objects had ended and their count no longer changed; each object is reconciled at least once. */
  async #lastPassAfter(startedAt: number): Promise<number> {
    const deadline = startedAt + patience;
    let passes = 0;
    let since = performance.now();
    while (passes < this.#size || performance.now() - since < 1_000) {
      if (performance.now() > deadline)
        throw new Error(`after ${patience / 1_000} s only ${passes} reconciliations have ended`);
      const askedAt = performance.now();
      const next = await this.read();
      if (next.passes !== passes) since = askedAt;
      passes = next.passes;
      await pause(50);
    }
    return since - startedAt;
  }

  /** Whole polls, from the end of one list to that of the second after it, so that the number of polls is exact. */
  async letBe(seconds: number | undefined): Promise<Span> {
    if (seconds === undefined) await this.#nextList();
    const before = await this.read();
    if (seconds === undefined) {
      await this.#nextList();
      await this.#nextList();
    } else {
      await pause(seconds * 1_000);
    }
    return between(before, await this.read());
  }

  async #nextList(): Promise<void> {
    const lists = async (): Promise<number> =>
      (await this.#stage.emulator.calls(Number.MAX_SAFE_INTEGER)).callsByOperation['ListMachines'] ?? 0;
    const before = await lists();
    await this.#until('a poll', this.#size, async () => (await lists()) > before);
    // The work that follows from the list has ended as well.
    await pause(2_000);
  }

  async startBareWatch(first: string): Promise<BareWatch> {
    const { plane, fleet } = this.#stage;
    const { resourceVersion = '' } = (await fleet.get(first)).metadata;
    return startBareWatch(plane.kubeconfigPath, namespaces.watched, resourceVersion);
  }

  /** One change in an otherwise idle fleet, with the probe just before it. */
  async flip(name: string, power: PowerState, watch?: BareWatch): Promise<Flip> {
    const { fleet, unwatched, emulator } = this.#stage;
    const since = await this.#lastCall();
    // Pending events of the previous change must not interfere.
    await pause(250);
    const probeStart = performance.now();
    await unwatched.setPower(name, power);
    const probe = performance.now() - probeStart;

    // The ledger has whole milliseconds of the same clock.
    const request = await roundTrip(`${emulator.url}/_emulator/calls?since=${Number.MAX_SAFE_INTEGER}`);
    const [sentAt, sentMonotonic] = [Date.now(), monotonicMilliseconds()];
    await fleet.setPower(name, power);
    // Delayed, so that the operator has the API server for itself.
    await pause(100);
    await this.#until(`${name} is ${power}`, 1, async () => isSettled(await fleet.get(name)));
    const [call] = await this.#powerCallsSince(since);
    if (call === undefined) throw new Error(`${name} is ${power}, but the provider received no call`);
    const eventAt = watch?.arrivalAfter(sentMonotonic);
    const inside = eventAt === undefined ? {} : { inside: { eventToCall: call.monotonic - eventAt, request } };
    return { probe, reaction: call.at - sentAt, ...inside };
  }

  async burst(names: readonly string[], power: PowerState): Promise<Burst> {
    const { fleet, unwatched } = this.#stage;
    const probeStart = performance.now();
    await inParallel(names, together, (name) => unwatched.setPower(name, power));
    const probe = (performance.now() - probeStart) / 1_000;

    const since = await this.#lastCall();
    const sentAt = Date.now();
    await inParallel(names, together, (name) => fleet.setPower(name, power));
    const patches = (Date.now() - sentAt) / 1_000;
    let calls: readonly CallEntry[] = [];
    await this.#until(`${names.length} power calls`, names.length, async () => {
      calls = await this.#powerCallsSince(since);
      return calls.length >= names.length;
    });
    const lastCall = ((calls.at(-1)?.at ?? Number.NaN) - sentAt) / 1_000;
    // VMs that change again next must have reached their state first.
    await this.#readWhenStill();
    return { probe, patches, lastCall };
  }

  async attack(names: readonly string[], count: number): Promise<Attack> {
    const { hostile } = this.#stage;
    const operator = await this.#relaunchAttacked();
    const over = new AbortController();
    const attacking = hostile.attack(over.signal);
    const flips: Flip[] = [];
    try {
      for (let index = 0; index < count; index += 1) {
        const name = names[Math.floor(index / 2) % this.#size] ?? '';
        flips.push(await this.flip(name, index % 2 === 0 ? 'Halted' : 'Running'));
      }
    } finally {
      over.abort();
    }
    return { flips, rounds: await attacking, peakBytes: peakMemoryOf(operator.pid) };
  }

  async #relaunchAttacked(): Promise<OperatorProcess> {
    await this.stop();
    await this.#stage.hostile.moveIn();
    const operator = await this.#launch({ isAttacked: true });
    await this.#lastPassAfter(performance.now());
    return operator;
  }

  create(prefix: string, objects: number, made: Made): Promise<Measured> {
    const { fleet } = this.#stage;
    const names = Array.from({ length: objects }, (_, index) => `${prefix}-${index + 1}`);
    return this.measure(objects, async () => {
      await inParallel(names, together, (name) => fleet.create(name, { ...made, label: passing }));
      await this.#until('every VM runs', objects, async () => (await fleet.list(passing)).every(isSettled));
    });
  }

  delete(objects: number): Promise<Measured> {
    const { fleet } = this.#stage;
    return this.measure(objects, async () => {
      await fleet.deleteAll(passing);
      await this.#until('every object is gone', objects, async () => (await fleet.list(passing)).length === 0);
    });
  }

  async outage(name: string, downSeconds: number): Promise<Outage> {
    const { plane, fleet } = this.#stage;
    const since = await this.#lastCall();
    const operator = this.#operator;
    let restarts = 0;
    void operator?.exited.then(() => (restarts += 1));
    await plane.stopApiServer();
    await pause(downSeconds * 1_000);
    const isBack = plane.startApiServer();
    const [sentAt, listedAt] = await Promise.all([
      this.#firstSuccess(() => fleet.setPower(name, 'Halted')).then(({ startedAt }) => startedAt),
      this.#firstSuccess(() => fleet.listOne()).then(({ endedAt }) => endedAt),
    ]);
    await isBack;
    await this.#until('the change reaches the provider', 1_000, async () => {
      // An operator that exited is restarted, as in Kubernetes, and the restart is counted.
      if (restarts > 0 && this.#operator === operator) await this.#launch();
      return (await this.#powerCallsSince(since)).length > 0;
    });
    const [call] = await this.#powerCallsSince(since);
    await this.#until(`${name} is halted`, 1, async () => isSettled(await fleet.get(name)));
    const at = call?.at ?? Number.NaN;
    const afterList = Math.max(0, at - Math.max(listedAt, sentAt));
    return { downSeconds, milliseconds: at - sentAt, afterList, restarts };
  }

  /** The times of the attempt that succeeded (epoch). */
  async #firstSuccess(attempt: () => Promise<void>): Promise<{ readonly startedAt: number; readonly endedAt: number }> {
    const deadline = Date.now() + patience;
    for (;;) {
      const startedAt = Date.now();
      try {
        await attempt();
        return { startedAt, endedAt: Date.now() };
      } catch (error) {
        if (Date.now() > deadline) throw error;
        await pause(20);
      }
    }
  }

  /** The calls that `work` caused, and its own duration. */
  async measure(objects: number, work: () => Promise<void>): Promise<Measured> {
    const before = await this.read();
    await work();
    const busySeconds = (Date.now() - before.at) / 1_000;
    return { objects, busySeconds, span: between(before, await this.#readWhenStill()) };
  }

  async read(): Promise<Reading> {
    const at = Date.now();
    const [{ callsByOperation }, page] = await Promise.all([
      this.#stage.emulator.calls(Number.MAX_SAFE_INTEGER),
      fetch(`${this.#metricsUrl}/metrics`),
    ]);
    return { at, provider: callsByOperation, ...readMetrics(await page.text()) };
  }

  /** The first reading after a while without calls. */
  async #readWhenStill(): Promise<Reading> {
    // A burst causes many events.
    const deadline = Date.now() + patience + Math.min(this.#size, 1_000) * 100;
    let reading = await this.read();
    for (;;) {
      await pause(stillness);
      const next = await this.read();
      const { provider, kubernetesWrites } = between(reading, next);
      const isStill =
        Object.keys(provider).length === 0 && Object.keys(kubernetesWrites).every((name) => name === 'leases');
      if (isStill) return next;
      if (Date.now() > deadline) throw new Error('the operator does not become idle');
      reading = next;
    }
  }

  async #launch(launch: Launch = {}): Promise<OperatorProcess> {
    const operator = this.#stage.startOperator(launch);
    this.#operator = operator;
    this.#metricsUrl = (await operator.addresses).metrics;
    return operator;
  }

  async #lastCall(): Promise<number> {
    return (await this.#stage.emulator.calls()).calls.at(-1)?.seq ?? 0;
  }

  async #powerCallsSince(seq: number): Promise<readonly CallEntry[]> {
    const { calls } = await this.#stage.emulator.calls(seq);
    return calls.filter(({ operation }) => operation === 'StopMachine' || operation === 'StartMachine');
  }

  /** Polls, less often and for longer with many objects. */
  async #until(what: string, objects: number, isTrue: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + patience + objects * 100;
    while (!(await isTrue())) {
      if (Date.now() > deadline) throw new Error(`timed out waiting for: ${what}`);
      await pause(Math.min(50 + objects, 1_000));
    }
  }
}
