import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createEmulator, type Emulator } from '../../emulator/emulator.ts';
import type { FaultHandle } from '../../emulator/faults.ts';
import type { MachineView } from '../../emulator/machine.ts';
import { serve } from '../../emulator/server.ts';
import { isRight, type SummaryLine, renderSummary } from '../demo/summary.ts';
import type { Cluster } from '../../test/support/control-plane.ts';
import { fastSettings, fastLatencies } from '../../test/support/fast-settings.ts';
import { recordObjects } from '../../test/support/record-objects.ts';
import { startWireProxy, type Traffic, type WireProxy } from '../../test/support/wire-proxy.ts';
import type { Api } from '../../test/support/wire-signature.ts';
import { changed, providerNamesOf, maxAtOnce, placeUnmanaged, writesTo } from './audit.ts';
import { Workload } from './workload.ts';
import {
  undisturbed,
  createSchedule,
  guests,
  objectsOf,
  withoutLag,
  lagging,
  type ScheduleOptions,
  type Step,
  visibilityWindow,
  waitsFor,
} from './schedule.ts';
import { FaultPlan } from './fault-plan.ts';
import { OperatorUnderTest } from './operator-under-test.ts';

const apiKey = 'soak-key';

/** The namespace in which the operator's role permits the Lease. */
const leaseNamespace = 'vps247-system';

/**
 * Shorter than the defaults, so that a killed leader is replaced sooner; a leader that is delayed for a second or two
 * keeps the Lease.
 */
const leaseTimes = { 'lease-duration': '6s', 'renew-deadline': '4s', 'retry-period': '1s' } as const;

/** Named after the namespace, because other tests use the same namespace for their Leases. */
function election(namespace: string): readonly string[] {
  return [`--leader-election-namespace=${leaseNamespace}`, `--lease-name=${namespace}`];
}

export interface SoakOptions extends ScheduleOptions {
  /** With the CRD and the operator's role; its permissions are those of an administrator. */
  readonly cluster: Cluster;
  /** Exists, and is empty. */
  readonly namespace: string;
  /** With the permissions of the operator. */
  readonly kubeconfig: string;
  /** The program of the operator. */
  readonly entry: string;
  /** Number of replicas that share a Lease. */
  readonly operators: number;
  /** Kills the API server and restarts it; undefined if others use it. */
  readonly restartApiServer: (() => Promise<void>) | undefined;
  /** An existing folder for logs, the ledger and every version of every object. */
  readonly directory: string;
  /** The time limit in seconds until every object is in sync, after the last fault. */
  readonly patience: number;
  /** Receives a function that describes the progress in one line. Returns a function that ends the display. */
  readonly showProgress: (describe: () => string) => () => void;
  /** Aborts the run, and stops everything. */
  readonly signal: AbortSignal;
}

export interface Outcome {
  readonly isGood: boolean;
  readonly lines: readonly SummaryLine[];
  /** The summary as text. */
  readonly text: string;
}

/** Everything that takes part in a run. */
interface SoakRun {
  readonly emulator: Emulator;
  readonly unmanaged: readonly MachineView[];
  /** One for each operator, so that the sender of a request can be killed. */
  readonly proxies: readonly WireProxy[];
  readonly operators: readonly OperatorUnderTest[];
  readonly workload: Workload;
  readonly faultPlan: FaultPlan;
  /** Faults of the provider, each with its end: `performance.now()`. */
  readonly faults: { readonly handle: FaultHandle; readonly until: number }[];
  /** Restarts of the API server. */
  readonly restarts: Promise<void>[];
  /** Deletions of the Secret: each resolves when it is restored. */
  readonly secrets: Promise<void>[];
  /** Until when lists show a new VM immediately: `performance.now()`. */
  listedUntil: number;
}

/** Runs the schedule, waits until every object is in sync, and checks the result. Rejects when `signal` is aborted. */
export async function soak(options: SoakOptions): Promise<Outcome> {
  const cleanups: (() => unknown)[] = [];
  try {
    const run = await setUp(options, cleanups);
    const schedule = createSchedule(options);
    await runSchedule(schedule, run, options);
    removeFaults(run);
    await Promise.all([...run.restarts, ...run.secrets]);
    const convergence = await converge(options, run);
    const exitCodes = await Promise.all(run.operators.map((operator) => operator.stop()));
    return conclude(options, [
      ...checksOf(run, exitCodes),
      figure('actions of the schedule', schedule.length),
      {
        what: 'seconds to converge',
        counted: Math.round(convergence / 1_000),
        least: undefined,
        most: options.patience,
      },
      ...figuresOf(run),
    ]);
  } finally {
    for (const cleanup of cleanups.toReversed()) await cleanup();
  }
}

async function setUp(options: SoakOptions, cleanups: (() => unknown)[]): Promise<SoakRun> {
  const { cluster, namespace, kubeconfig, entry, directory, seed } = options;
  const emulator = createEmulator({
    seed,
    accounts: [{ ownerId: 1, keys: [apiKey] }],
    latencies: { ...fastLatencies, provision: [150, 900], start: [100, 500], halt: [100, 900], giveUp: 1_000 },
    // Otherwise the provider would prevent a second VM.
    switches: { ...guests, ...lagging, duplicateNames: 'allowed' },
  });
  cleanups.push(() => writeFileSync(path.join(directory, 'ledger.json'), JSON.stringify(emulator.ledger, null, 1)));
  const recorder = recordObjects(cluster.kubeconfig, path.join(directory, 'objects'));
  cleanups.push(() => recorder.stop());
  const unmanaged = placeUnmanaged(emulator, objectsOf(options));
  const provider = await serve(emulator, { port: 0 });
  cleanups.push(() => provider.close());
  await cluster.putSecret(namespace, apiKey);
  const faultPlan = new FaultPlan();
  const operators: OperatorUnderTest[] = [];
  const proxies: WireProxy[] = [];
  for (let index = 0; index < options.operators; index += 1) {
    const wire = path.join(directory, `wire-${index + 1}`);
    mkdirSync(wire, { recursive: true });
    const proxy = await startWireProxy({
      kubeconfig,
      apiUrl: provider.url,
      directory: wire,
      decide: (request) => faultPlan.decide(request, () => operator.kill()),
    });
    cleanups.push(() => proxy.close());
    const settings = { 'visibility-window': `${visibilityWindow}ms`, 'stuck-after': '20s', ...leaseTimes };
    const flags = ['--namespaces', namespace, ...election(namespace), ...fastSettings(settings)];
    const operator = new OperatorUnderTest(
      { kubeconfig: proxy.kubeconfig, apiUrl: proxy.apiUrl, entry, flags },
      path.join(directory, `operator-${index + 1}`),
    );
    operator.start();
    cleanups.push(() => operator.end());
    operators.push(operator);
    proxies.push(proxy);
  }
  const workload = new Workload({ cluster, namespace, emulator });
  workload.begin();
  cleanups.push(() => workload.end());
  const run: SoakRun = {
    emulator,
    unmanaged,
    proxies,
    operators,
    workload,
    faultPlan,
    faults: [],
    restarts: [],
    secrets: [],
    listedUntil: 0,
  };
  const startedAt = performance.now();
  cleanups.push(options.showProgress(() => describe(run, performance.now() - startedAt)));
  return run;
}

async function runSchedule(schedule: readonly Step[], run: SoakRun, options: SoakOptions): Promise<void> {
  const startedAt = performance.now();
  for (const step of schedule) {
    await sleep(Math.max(0, step.after - (performance.now() - startedAt)), undefined, { signal: options.signal });
    perform(step, run, options);
  }
}

function perform(step: Step, run: SoakRun, { cluster, namespace, restartApiServer }: SoakOptions): void {
  const { emulator, proxies, operators, workload, faultPlan, faults, restarts, secrets } = run;
  const now = performance.now();
  const until = now + waitsFor;
  for (const fault of faults) if (fault.until < now) fault.handle.remove();
  switch (step.kind) {
    case 'apply':
      return workload.setDesired(step.object, step.desired);
    case 'delete':
      return workload.setDesired(step.object, undefined);
    case 'console': {
      const id = workload.objects.find(({ metadata }) => metadata.name === step.object)?.status?.id;
      if (id === undefined) return;
      if (step.does === 'delete') emulator.panel.delete(id);
      else emulator.panel.power(id, step.does);
      return;
    }
    case 'kill':
      if ('at' in step) faultPlan.killAt(step.at, until);
      else void operators[step.one % operators.length]?.kill();
      return;
    case 'wire':
      return faultPlan.add(step, until);
    case 'cut watches':
      for (const proxy of proxies) proxy.cutWatches();
      return;
    case 'steal lease':
      // If the Lease doesn't exist or the API server is down, nothing is stolen.
      void cluster.patchLease(leaseNamespace, namespace, { holderIdentity: 'intruder' }).catch(() => {});
      return;
    case 'restart API server':
      if (restartApiServer !== undefined) faultPlan.note('API server restarted');
      if (restartApiServer !== undefined) restarts.push(restartApiServer());
      return;
    case 'fault':
      faults.push({ handle: emulator.addFault(step.rule), until });
      return;
    case 'switches':
      // The VM of a refused create has to be listed immediately: lists that lag are for creates whose result is
      // unknown.
      emulator.setSwitches({ ...step.switches, ...(run.listedUntil > now ? withoutLag : {}) });
      return;
    case 'denial': {
      const names = workload.objects
        .filter(({ metadata, status }) => step.objects.includes(metadata.name) && status?.id !== undefined)
        .map(({ status }) => status?.providerName ?? '');
      if (names.length === 0) return;
      faultPlan.note('VMs denied');
      emulator.setSwitches({ deniedNames: `^(${names.join('|')})$` });
      setTimeout(() => emulator.setSwitches({ deniedNames: '' }), step.milliseconds);
      return;
    }
    case 'refused create': {
      const body = { error: 'name has already been taken' };
      const action = { kind: 'status', status: step.status, body } as const;
      run.listedUntil = until + waitsFor;
      emulator.setSwitches(withoutLag);
      faults.push({ handle: emulator.addFault({ when: 'after', operation: 'CreateMachine', action }), until });
      return;
    }
    case 'delete with Secret':
      workload.setDesired(step.object, undefined);
      faultPlan.note('Secret deleted');
      secrets.push(loseSecret(cluster, namespace, step.milliseconds));
  }
}

/** Deletes the Secret and restores it, retrying whatever the API server answers. */
async function loseSecret(cluster: Cluster, namespace: string, milliseconds: number): Promise<void> {
  const metadata = { name: 'vps247-credentials', namespace };
  await cluster.remove({ apiVersion: 'v1', kind: 'Secret', metadata }).catch(() => {});
  await sleep(milliseconds);
  for (;;) {
    try {
      return await cluster.putSecret(namespace, apiKey);
    } catch {
      await sleep(500);
    }
  }
}

function removeFaults({ emulator, faultPlan }: SoakRun): void {
  faultPlan.clear();
  emulator.clearFaults();
  emulator.setSwitches(undisturbed);
}

/** Milliseconds until every object was in sync, or until the time limit. */
async function converge({ patience, signal }: SoakOptions, { workload }: SoakRun): Promise<number> {
  const startedAt = performance.now();
  const elapsed = (): number => performance.now() - startedAt;
  for (;;) {
    await workload.check();
    if (workload.unmet.length === 0 || elapsed() > patience * 1_000) return elapsed();
    await sleep(1_000, undefined, { signal });
  }
}

/** What must hold in every run. */
function checksOf(
  { emulator, unmanaged, operators, workload }: SoakRun,
  exitCodes: readonly (number | null)[],
): readonly SummaryLine[] {
  const { ledger } = emulator;
  const leaks = ledger.leaks([...workload.objects.flatMap(providerNamesOf), ...unmanaged.map(({ name }) => name)]);
  return [
    never('duplicate names', ledger.duplicates().length),
    { what: 'VMs of one object at once', counted: maxAtOnce(ledger), least: undefined, most: 1 },
    never('VMs leaked', leaks.length, some(leaks.map(({ name }) => name))),
    never('calls that change unmanaged VMs', writesTo(ledger, unmanaged), `${unmanaged.length} are in the account`),
    never('unmanaged VMs changed', changed(emulator, unmanaged)),
    never('impossible effects', ledger.impossibleEffects().length),
    never('objects not in sync', workload.unmet.length, some(workload.unmet)),
    never('unexpected exits of an operator', sum(operators.map(({ failures }) => failures))),
    never('exit codes other than 0 after SIGTERM', exitCodes.filter((code) => code !== 0).length, exitCodes.join(', ')),
  ];
}

/** What happened, to judge whether the run was hard enough. */
function figuresOf({ emulator, proxies, operators, workload, faultPlan, faults }: SoakRun): readonly SummaryLine[] {
  const { ledger } = emulator;
  const [kubernetes, provider] = [trafficOf(proxies, 'kubernetes'), trafficOf(proxies, 'provider')];
  const wire = [...faultPlan.counts].map(([what, count]) => `${count} ${what}`);
  return [
    figure('objects', workload.size, `${workload.remedies} needed their remedy applied`),
    figure('VMs created', ledger.machinesEverCreated().filter(({ cause }) => cause !== 'panel').length),
    figure('kills of operators', killsOf(operators), `${operators.length} replicas`),
    figure('leases lost', sum(operators.map(({ leasesLost }) => leasesLost))),
    figure('faults between operator and APIs', sum([...faultPlan.counts.values()]), wire.join(', ')),
    figure('faults of the provider', sum(faults.map(({ handle }) => handle.hits))),
    figure('calls refused for the state of a VM', ledger.forbiddenTransitions().length),
    figure('requests to Kubernetes', kubernetes.requests, megabytes(kubernetes.bytesIn)),
    figure('requests to the provider', provider.requests, megabytes(provider.bytesIn)),
  ];
}

function never(what: string, counted: number, note = ''): SummaryLine {
  return { what, counted, least: 0, note };
}

function figure(what: string, counted: number, note = ''): SummaryLine {
  return { what, counted, least: undefined, note };
}

function conclude({ seed }: SoakOptions, lines: readonly SummaryLine[]): Outcome {
  const isGood = lines.every(isRight);
  return { isGood, lines, text: `seed ${seed}${isGood ? '' : ' failed'}\n\n${renderSummary(lines)}` };
}

function describe({ emulator, operators, workload, faultPlan, faults }: SoakRun, elapsed: number): string {
  const { ledger } = emulator;
  return [
    `${Math.round(elapsed / 1_000)} s`,
    `${workload.size - workload.unmet.length} of ${workload.size} objects in sync`,
    `${ledger.liveMachines().length} VMs`,
    `${killsOf(operators)} kills`,
    `${sum([...faultPlan.counts.values()]) + sum(faults.map(({ handle }) => handle.hits))} faults`,
    `${ledger.calls.length} calls`,
    `${ledger.duplicates().length} duplicates`,
  ].join(', ');
}

function killsOf(operators: readonly OperatorUnderTest[]): number {
  return sum(operators.map(({ kills }) => kills));
}

function trafficOf(proxies: readonly WireProxy[], api: Api): Pick<Traffic, 'requests' | 'bytesIn'> {
  const all = proxies.map(({ traffic }) => traffic[api]);
  return { requests: sum(all.map(({ requests }) => requests)), bytesIn: sum(all.map(({ bytesIn }) => bytesIn)) };
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

function some(things: readonly string[]): string {
  return `${things.slice(0, 5).join('; ')}${things.length > 5 ? '; …' : ''}`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB of responses`;
}
