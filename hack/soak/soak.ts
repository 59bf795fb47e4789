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
import { changed, heldBy, mostAtOnce, placeForeign, writesTo } from './audit.ts';
import { Workload } from './workload.ts';
import {
  calm,
  createSchedule,
  guests,
  objectsOf,
  prompt,
  rough,
  type ScheduleOptions,
  type Step,
  visibilityWindow,
  waitsFor,
} from './schedule.ts';
import { FaultPlan } from './fault-plan.ts';
import { OperatorUnderTest } from './operator-under-test.ts';

const apiKey = 'soak-key';

/** Where the operator's role lets it have a Lease. */
const leaseNamespace = 'vps247-system';

/** A leader that is gone is missed sooner than by default; one that is delayed for a second or two is not. */
const leaseTimes = { 'lease-duration': '6s', 'renew-deadline': '4s', 'retry-period': '1s' } as const;

/** Named after the namespace: other tests have theirs beside it. */
function election(namespace: string): readonly string[] {
  return [`--leader-election-namespace=${leaseNamespace}`, `--lease-name=${namespace}`];
}

export interface SoakOptions extends ScheduleOptions {
  /** With the CRD and the operator's role; the rights are somebody else's, not the operator's. */
  readonly cluster: Cluster;
  /** Exists, and is empty. */
  readonly namespace: string;
  /** The operator's rights. */
  readonly kubeconfig: string;
  /** The operator's program. */
  readonly entry: string;
  /** How many run at the same time, sharing a Lease. */
  readonly operators: number;
  /** Takes the API server away and brings it back; undefined where others need it. */
  readonly restartApiServer: (() => Promise<void>) | undefined;
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
  readonly lines: readonly SummaryLine[];
  /** The receipt, as people read it. */
  readonly text: string;
}

/** Those who take part. */
interface Cast {
  readonly emulator: Emulator;
  readonly foreign: readonly MachineView[];
  /** One for each operator, so that who asks can be killed for it. */
  readonly proxies: readonly WireProxy[];
  readonly operators: readonly OperatorUnderTest[];
  readonly people: Workload;
  readonly trouble: FaultPlan;
  /** The provider's own, and when each is over: `performance.now()`. */
  readonly faults: { readonly handle: FaultHandle; readonly until: number }[];
  /** Of the API server. */
  readonly restarts: Promise<void>[];
  /** That were taken away: each resolves when it is back. */
  readonly secrets: Promise<void>[];
  /** Until when lists show a new VM at once: `performance.now()`. */
  listedUntil: number;
}

/** Lets the schedule happen, waits until all is as wished, and accounts for it. Rejects when `signal` is aborted. */
export async function soak(options: SoakOptions): Promise<Outcome> {
  const cleanups: (() => unknown)[] = [];
  try {
    const cast = await gather(options, cleanups);
    const schedule = createSchedule(options);
    await play(schedule, cast, options);
    calmDown(cast);
    await Promise.all([...cast.restarts, ...cast.secrets]);
    const convergence = await converge(options, cast);
    const exitCodes = await Promise.all(cast.operators.map((operator) => operator.stop()));
    return conclude(options, [
      ...judged(cast, exitCodes),
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
    latencies: { ...fastLatencies, provision: [150, 900], start: [100, 500], halt: [100, 900], giveUp: 1_000 },
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
  const trouble = new FaultPlan();
  const operators: OperatorUnderTest[] = [];
  const proxies: WireProxy[] = [];
  for (let index = 0; index < options.operators; index += 1) {
    const wire = path.join(directory, `wire-${index + 1}`);
    mkdirSync(wire, { recursive: true });
    const proxy = await startWireProxy({
      kubeconfig,
      apiUrl: provider.url,
      directory: wire,
      decide: (request) => trouble.decide(request, () => operator.kill()),
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
  const people = new Workload({ cluster, namespace, emulator });
  people.begin();
  cleanups.push(() => people.end());
  const cast: Cast = {
    emulator,
    foreign,
    proxies,
    operators,
    people,
    trouble,
    faults: [],
    restarts: [],
    secrets: [],
    listedUntil: 0,
  };
  const startedAt = performance.now();
  cleanups.push(options.showProgress(() => describe(cast, performance.now() - startedAt)));
  return cast;
}

async function play(schedule: readonly Step[], cast: Cast, options: SoakOptions): Promise<void> {
  const startedAt = performance.now();
  for (const step of schedule) {
    await sleep(Math.max(0, step.after - (performance.now() - startedAt)), undefined, { signal: options.signal });
    happen(step, cast, options);
  }
}

function happen(step: Step, cast: Cast, { cluster, namespace, restartApiServer }: SoakOptions): void {
  const { emulator, proxies, operators, people, trouble, faults, restarts, secrets } = cast;
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
      if ('at' in step) trouble.waylay(step.at, until);
      else void operators[step.one % operators.length]?.kill();
      return;
    case 'wire':
      return trouble.add(step, until);
    case 'cut watches':
      for (const proxy of proxies) proxy.cutWatches();
      return;
    case 'rob lease':
      // When there is none to rob, or nobody to tell, nobody is robbed.
      void cluster.patchLease(leaseNamespace, namespace, { holderIdentity: 'robber' }).catch(() => {});
      return;
    case 'restart API server':
      if (restartApiServer !== undefined) trouble.note('API server restarted');
      if (restartApiServer !== undefined) restarts.push(restartApiServer());
      return;
    case 'fault':
      faults.push({ handle: emulator.addFault(step.rule), until });
      return;
    case 'switches':
      // The VM of a refused create has to be listed at once: lists that lag are for creates whose outcome is unknown.
      emulator.setSwitches({ ...step.switches, ...(cast.listedUntil > now ? prompt : {}) });
      return;
    case 'denial': {
      const names = people.objects
        .filter(({ metadata, status }) => step.objects.includes(metadata.name) && status?.id !== undefined)
        .map(({ status }) => status?.providerName ?? '');
      if (names.length === 0) return;
      trouble.note('VMs denied');
      emulator.setSwitches({ deniedNames: `^(${names.join('|')})$` });
      setTimeout(() => emulator.setSwitches({ deniedNames: '' }), step.milliseconds);
      return;
    }
    case 'refused create': {
      const body = { error: 'name has already been taken' };
      const action = { kind: 'status', status: step.status, body } as const;
      cast.listedUntil = until + waitsFor;
      emulator.setSwitches(prompt);
      faults.push({ handle: emulator.addFault({ when: 'after', operation: 'CreateMachine', action }), until });
      return;
    }
    case 'delete with Secret':
      people.ask(step.object, undefined);
      trouble.note('Secret deleted');
      secrets.push(loseSecret(cluster, namespace, step.milliseconds));
  }
}

/** Takes the Secret away and puts it back, whatever the API server says to that meanwhile. */
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
function judged(
  { emulator, foreign, operators, people }: Cast,
  exitCodes: readonly (number | null)[],
): readonly SummaryLine[] {
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
    never('ends of an operator by itself', sum(operators.map(({ failures }) => failures))),
    never('exit codes after SIGTERM but 0', exitCodes.filter((code) => code !== 0).length, exitCodes.join(', ')),
  ];
}

/** What happened, so that one can tell whether it was enough. */
function told({ emulator, proxies, operators, people, trouble, faults }: Cast): readonly SummaryLine[] {
  const { ledger } = emulator;
  const [kubernetes, provider] = [trafficOf(proxies, 'kubernetes'), trafficOf(proxies, 'provider')];
  const wire = [...trouble.counts].map(([what, count]) => `${count} ${what}`);
  return [
    figure('objects', people.wishes, `${people.remedies} needed somebody to follow their advice`),
    figure('machines created', ledger.machinesEverCreated().filter(({ cause }) => cause !== 'person').length),
    figure('kills of operators', killsOf(operators), `${operators.length} run at the same time`),
    figure('leases lost', sum(operators.map(({ leasesLost }) => leasesLost))),
    figure('faults of the wire', sum([...trouble.counts.values()]), wire.join(', ')),
    figure('faults of the provider', sum(faults.map(({ handle }) => handle.hits))),
    figure('calls refused for the state of a machine', ledger.forbiddenTransitions().length),
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

function describe({ emulator, operators, people, trouble, faults }: Cast, elapsed: number): string {
  const { ledger } = emulator;
  return [
    `${Math.round(elapsed / 1_000)} s`,
    `${people.wishes - people.unmet.length} of ${people.wishes} objects as wished`,
    `${ledger.liveMachines().length} machines`,
    `${killsOf(operators)} kills`,
    `${sum([...trouble.counts.values()]) + sum(faults.map(({ handle }) => handle.hits))} faults`,
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
  return `${(bytes / 1e6).toFixed(1)} MB of answers`;
}
