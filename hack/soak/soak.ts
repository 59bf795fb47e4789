import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createEmulator, type Emulator } from '../../src/emulator/emulator.ts';
import type { FaultHandle } from '../../src/emulator/faults.ts';
import type { MachineView } from '../../src/emulator/machine.ts';
import { serve } from '../../src/emulator/server.ts';
import { isRight, type ReceiptLine, renderReceipt } from '../demo/receipt.ts';
import type { Cluster } from '../kit/cluster.ts';
import { hurried, hurriedLatencies } from '../kit/hurried.ts';
import { recordObjects } from '../kit/record-objects.ts';
import { startWireProxy, type WireProxy } from '../kit/wire-proxy.ts';
import { changed, heldBy, mostAtOnce, placeForeign, writesTo } from './audit.ts';
import { People } from './people.ts';
import {
  calm,
  createSchedule,
  guests,
  objectsOf,
  rough,
  type ScheduleOptions,
  type Step,
  visibilityWindow,
  waitsFor,
} from './schedule.ts';
import { Trouble } from './trouble.ts';
import { Victim } from './victim.ts';

const apiKey = 'soak-key';

export interface SoakOptions extends ScheduleOptions {
  /** With the CRD and the operator's role; the rights are somebody else's, not the operator's. */
  readonly cluster: Cluster;
  /** Exists, and is empty. */
  readonly namespace: string;
  /** The operator's rights. */
  readonly kubeconfig: string;
  /** The operator's program. */
  readonly entry: string;
  /** For logs, the ledger and every version of every object; exists. */
  readonly directory: string;
  /** How long it may take until everything is as wished, once nothing goes wrong any more: seconds. */
  readonly patience: number;
  /** Handed what says in a line how it goes, at any time. Answers what ends the showing. */
  readonly showProgress: (describe: () => string) => () => void;
  /** Gives up, and leaves nothing running. */
  readonly signal: AbortSignal;
}

export interface Outcome {
  readonly isGood: boolean;
  readonly lines: readonly ReceiptLine[];
  /** The receipt, as people read it. */
  readonly text: string;
}

/** Those who take part. */
interface Cast {
  readonly emulator: Emulator;
  readonly foreign: readonly MachineView[];
  readonly proxy: WireProxy;
  readonly operator: Victim;
  readonly people: People;
  readonly trouble: Trouble;
  /** The provider's own, and when each is over: `performance.now()`. */
  readonly faults: { readonly handle: FaultHandle; readonly until: number }[];
}

/** Lets the schedule happen, waits until all is as wished, and accounts for it. Rejects when `signal` is aborted. */
export async function soak(options: SoakOptions): Promise<Outcome> {
  const cleanups: (() => unknown)[] = [];
  try {
    const cast = await gather(options, cleanups);
    const schedule = createSchedule(options);
    await play(schedule, cast, options.signal);
    calmDown(cast);
    const convergence = await converge(options, cast);
    const exitCode = await cast.operator.stop();
    return conclude(options, [
      ...judged(cast, exitCode),
      figure('deeds of the schedule', schedule.length),
      {
        what: 'seconds to converge',
        counted: Math.round(convergence / 1_000),
        least: undefined,
        most: options.patience,
      },
      ...told(cast),
    ]);
  } finally {
    for (const cleanup of cleanups.toReversed()) await cleanup();
  }
}

async function gather(options: SoakOptions, cleanups: (() => unknown)[]): Promise<Cast> {
  const { cluster, namespace, kubeconfig, entry, directory, seed } = options;
  const emulator = createEmulator({
    seed,
    accounts: [{ ownerId: 1, keys: [apiKey] }],
    latencies: { ...hurriedLatencies, provision: [150, 900], start: [100, 500], halt: [100, 900], giveUp: 1_000 },
    // Or the provider itself would keep second machines from being made.
    switches: { ...guests, ...rough, duplicateNames: 'allowed' },
  });
  cleanups.push(() => writeFileSync(path.join(directory, 'ledger.json'), JSON.stringify(emulator.ledger, null, 1)));
  const recorder = recordObjects(cluster.kubeconfig, path.join(directory, 'objects'));
  cleanups.push(() => recorder.stop());
  const foreign = placeForeign(emulator, objectsOf(options));
  const provider = await serve(emulator, { port: 0 });
  cleanups.push(() => provider.close());
  await cluster.putSecret(namespace, apiKey);
  const trouble = new Trouble(() => operator.kill());
  const proxy = await startWireProxy({
    kubeconfig,
    apiUrl: provider.url,
    directory,
    decide: (request) => trouble.decide(request),
  });
  cleanups.push(() => proxy.close());
  const flags = [
    '--namespaces',
    namespace,
    ...hurried({ 'visibility-window': `${visibilityWindow}ms`, 'stuck-after': '20s' }),
  ];
  const operator = new Victim({ kubeconfig: proxy.kubeconfig, apiUrl: proxy.apiUrl, entry, flags }, directory);
  operator.start();
  cleanups.push(() => operator.end());
  const people = new People({ cluster, namespace, emulator });
  people.begin();
  cleanups.push(() => people.end());
  const cast: Cast = { emulator, foreign, proxy, operator, people, trouble, faults: [] };
  const startedAt = performance.now();
  cleanups.push(options.showProgress(() => describe(cast, performance.now() - startedAt)));
  return cast;
}

async function play(schedule: readonly Step[], cast: Cast, signal: AbortSignal): Promise<void> {
  const startedAt = performance.now();
  for (const step of schedule) {
    await sleep(Math.max(0, step.after - (performance.now() - startedAt)), undefined, { signal });
    happen(step, cast);
  }
}

function happen(step: Step, { emulator, proxy, operator, people, trouble, faults }: Cast): void {
  const now = performance.now();
  const until = now + waitsFor;
  for (const fault of faults) if (fault.until < now) fault.handle.remove();
  switch (step.kind) {
    case 'apply':
      return people.ask(step.object, step.wish);
    case 'delete':
      return people.ask(step.object, undefined);
    case 'person': {
      const id = people.objects.find(({ metadata }) => metadata.name === step.object)?.status?.id;
      if (id === undefined) return;
      if (step.does === 'delete') emulator.person.delete(id);
      else emulator.person.power(id, step.does);
      return;
    }
    case 'kill':
      if (step.at === undefined) void operator.kill();
      else trouble.waylay(step.at, until);
      return;
    case 'wire':
      return trouble.add(step, until);
    case 'cut watches':
      return proxy.cutWatches();
    case 'fault':
      faults.push({ handle: emulator.addFault(step.rule), until });
      return;
    case 'switches':
      emulator.setSwitches(step.switches);
  }
}

function calmDown({ emulator, trouble }: Cast): void {
  trouble.clear();
  emulator.clearFaults();
  emulator.setSwitches(calm);
}

/** Milliseconds until everything was as wished, or until patience was over. */
async function converge({ patience, signal }: SoakOptions, { people }: Cast): Promise<number> {
  const startedAt = performance.now();
  const elapsed = (): number => performance.now() - startedAt;
  for (;;) {
    await people.look();
    if (people.unmet.length === 0 || elapsed() > patience * 1_000) return elapsed();
    await sleep(1_000, undefined, { signal });
  }
}

/** What must be, whatever happened. */
function judged({ emulator, foreign, operator, people }: Cast, exitCode: number | null): readonly ReceiptLine[] {
  const { ledger } = emulator;
  const leaks = ledger.leaks([...people.objects.flatMap(heldBy), ...foreign.map(({ name }) => name)]);
  return [
    never('names held twice', ledger.duplicates().length),
    { what: 'machines of one object at once', counted: mostAtOnce(ledger), least: undefined, most: 1 },
    never('machines leaked', leaks.length, some(leaks.map(({ name }) => name))),
    never('calls that change foreign machines', writesTo(ledger, foreign), `${foreign.length} are in the account`),
    never('foreign machines changed', changed(emulator, foreign)),
    never('effects that cannot be', ledger.impossibleEffects().length),
    never('objects not as wished', people.unmet.length, some(people.unmet)),
    never('ends of the operator by itself', operator.failures),
    never('its exit code after SIGTERM', exitCode ?? -1),
  ];
}

/** What happened, so that one can tell whether it was enough. */
function told({ emulator, proxy, operator, people, trouble, faults }: Cast): readonly ReceiptLine[] {
  const { ledger } = emulator;
  const { kubernetes, provider } = proxy.traffic;
  const wire = [...trouble.counts].map(([what, count]) => `${count} ${what}`);
  return [
    figure('objects', people.wishes, `${people.remedies} needed somebody to follow their advice`),
    figure('machines created', ledger.machinesEverCreated().filter(({ cause }) => cause !== 'person').length),
    figure('kills of the operator', operator.kills),
    figure('faults of the wire', sum([...trouble.counts.values()]), wire.join(', ')),
    figure('faults of the provider', sum(faults.map(({ handle }) => handle.hits))),
    figure('calls refused for the state of a machine', ledger.forbiddenTransitions().length),
    figure('requests to Kubernetes', kubernetes.requests, megabytes(kubernetes.bytesIn)),
    figure('requests to the provider', provider.requests, megabytes(provider.bytesIn)),
  ];
}

function never(what: string, counted: number, note = ''): ReceiptLine {
  return { what, counted, least: 0, note };
}

function figure(what: string, counted: number, note = ''): ReceiptLine {
  return { what, counted, least: undefined, note };
}

function conclude({ seed }: SoakOptions, lines: readonly ReceiptLine[]): Outcome {
  const isGood = lines.every(isRight);
  return { isGood, lines, text: `seed ${seed}${isGood ? '' : ' failed'}\n\n${renderReceipt(lines)}` };
}

function describe({ emulator, operator, people, trouble, faults }: Cast, elapsed: number): string {
  const { ledger } = emulator;
  return [
    `${Math.round(elapsed / 1_000)} s`,
    `${people.wishes - people.unmet.length} of ${people.wishes} objects as wished`,
    `${ledger.liveMachines().length} machines`,
    `${operator.kills} kills`,
    `${sum([...trouble.counts.values()]) + sum(faults.map(({ handle }) => handle.hits))} faults`,
    `${ledger.calls.length} calls`,
    `${ledger.duplicates().length} duplicates`,
  ].join(', ');
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

function some(things: readonly string[]): string {
  return `${things.slice(0, 5).join('; ')}${things.length > 5 ? '; …' : ''}`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB of answers`;
}
