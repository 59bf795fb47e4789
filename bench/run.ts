import { setTimeout as pause } from 'node:timers/promises';
import type { PowerState } from '../src/api/v1alpha1/types.ts';
import type { EmulatorProcess } from './emulator.ts';
import {
  figuresOfCreates,
  figuresOfDeletes,
  figuresOfFlips,
  figuresOfMishaps,
  figuresOfSteadyState,
  type Flip,
} from './figures.ts';
import { type Fleet, isSettled } from './fleet.ts';
import { between, readMetrics, type Reading, type Span } from './readings.ts';
import type { Section } from './table.ts';

export interface Bench {
  readonly objects: number;
  readonly emulator: EmulatorProcess;
  /** What the operator looks after; nothing in it yet. */
  readonly fleet: Fleet;
  /** The same kind of objects where the operator does not look. */
  readonly unwatched: Fleet;
  /** The operator's base URL for /metrics. */
  readonly metricsUrl: string;
  readonly say: (text: string) => void;
}

const steadySeconds = 30;
/** Half of them halt a machine, half start it again. */
const flipCount = 30;
/** For how long nothing must be called before a part counts as over: milliseconds. */
const stillness = 3_000;
const patience = 60_000;

/** Takes machines through their life and measures each part of it. */
export async function run(bench: Bench): Promise<readonly Section[]> {
  const { objects, emulator, fleet, say } = bench;
  const names = Array.from({ length: objects }, (_, index) => `bench-${index + 1}`);

  say(`creating ${objects} objects`);
  const creates = await measure(bench, async () => {
    await fleet.create(names);
    await until('every machine runs', objects, async () => (await fleet.list()).every(isSettled));
  });

  say(`letting them be for ${steadySeconds} s`);
  const before = await read(bench);
  await pause(steadySeconds * 1_000);
  const steady = between(before, await read(bench));

  say(`flipping power ${flipCount} times`);
  const flips: Flip[] = [];
  await bench.unwatched.create(['probe']);
  const flipping = await measure(bench, async () => {
    for (let count = 0; count < flipCount; count += 1) {
      // Twice each, so that all run again in the end.
      const name = names[Math.floor(count / 2) % objects] ?? '';
      flips.push(await flip(bench, name, count % 2 === 0 ? 'Halted' : 'Running'));
    }
  });

  say(`deleting ${objects} objects`);
  const deletes = await measure(bench, async () => {
    await fleet.deleteAll();
    await until('every object is gone', objects, async () => (await fleet.list()).length === 0);
  });

  const ledger = await emulator.ledger();
  const left = { objects: (await fleet.list()).length, machines: ledger.liveMachines.length };
  return [
    figuresOfCreates(objects, creates.busySeconds, creates.span),
    figuresOfSteadyState(objects, steady),
    figuresOfFlips(flips, flipping.busySeconds, flipping.span),
    figuresOfDeletes(objects, deletes.busySeconds, deletes.span, left),
    figuresOfMishaps({
      duplicates: ledger.duplicates.length,
      forbidden: ledger.forbiddenTransitions.length + ledger.impossibleEffects.length,
    }),
  ];
}

/** One change of an otherwise idle fleet, with the probe just before it. */
async function flip({ emulator, fleet, unwatched }: Bench, name: string, power: PowerState): Promise<Flip> {
  const { calls: earlier } = await emulator.ledger();
  const since = earlier.at(-1)?.seq ?? 0;
  // What is still written for people about the flip before shall not be in the way.
  await pause(250);
  const probeStart = performance.now();
  await unwatched.setPower('probe', power);
  const probe = performance.now() - probeStart;

  // The ledger tells whole milliseconds of the same clock.
  const sentAt = Date.now();
  await fleet.setPower(name, power);
  // Not asked at once: the operator shall have the API server for itself.
  await pause(100);
  await until(`${name} is ${power}`, 1, async () => isSettled(await fleet.get(name)));
  const { calls } = await emulator.ledger(since);
  const call = calls.find(({ operation }) => operation === 'StopMachine' || operation === 'StartMachine');
  if (call === undefined) throw new Error(`${name} is ${power}, and the provider was not asked`);
  return { probe, reaction: call.at - sentAt };
}

/** What `work` caused, up to the last call it led to, and how long it took itself. */
async function measure(
  bench: Bench,
  work: () => Promise<void>,
): Promise<{ readonly span: Span; readonly busySeconds: number }> {
  const before = await read(bench);
  await work();
  const busySeconds = (Date.now() - before.at) / 1_000;
  return { span: between(before, await readWhenStill(bench)), busySeconds };
}

async function read({ emulator, metricsUrl }: Bench): Promise<Reading> {
  const at = Date.now();
  const [{ callsByOperation }, page] = await Promise.all([emulator.ledger(), fetch(`${metricsUrl}/metrics`)]);
  return { at, provider: callsByOperation, ...readMetrics(await page.text()) };
}

/** The first reading after which nothing was called for a while. */
async function readWhenStill(bench: Bench): Promise<Reading> {
  const deadline = Date.now() + patience;
  let reading = await read(bench);
  for (;;) {
    await pause(stillness);
    const next = await read(bench);
    const { provider, kubernetesWrites } = between(reading, next);
    if (Object.keys(provider).length === 0 && Object.keys(kubernetesWrites).length === 0) return next;
    if (Date.now() > deadline) throw new Error('the operator does not come to rest');
    reading = next;
  }
}

/** Asks again and again; more patient and less often for many objects. */
async function until(what: string, objects: number, isTrue: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + patience + objects * 100;
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await pause(Math.min(50 + objects, 1_000));
  }
}
