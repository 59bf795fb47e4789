import { expect, vi } from 'vitest';
import { providerName } from '../../src/api/v1alpha1/identity.ts';
import { createEmulator, type Emulator } from '../../emulator/emulator.ts';
import type { CallEntry } from '../../emulator/ledger.ts';
import type { MachineView } from '../../emulator/machine.ts';
import type { Behavior } from '../../emulator/behavior.ts';
import { createHttpProvider } from '../../src/provider/http/client.ts';
import type { Clock } from '../../src/domain/clock.ts';
import { createManualClock, type ManualClock } from '../support/clock.ts';
import { expectAtTheEnd } from '../reconcile/world/bystanders.ts';
import { InMemoryCluster } from '../reconcile/world/cluster.ts';
import { type OperatorWorld, runOperator } from '../reconcile/world/operator.ts';
import { usual } from '../support/usual-settings.ts';
import { createWire, type Wire } from './wire.ts';

// Hours of a life take a second or two; on a busy machine that is many.
vi.setConfig({ testTimeout: 60_000 });

export const minute = 60_000;
export const hour = 60 * minute;

/** The account of the objects, another one with a VM, another one without any, and a key that was never issued. */
export const keys = { ours: 'key-of-ours', others: 'key-of-others', newcomers: 'key-of-newcomers', unknown: 'no-key' };

/** Unmanaged VMs of the account: one with the object's bare name, one with that name and another suffix. */
const strangers = [
  { name: 'web', state: 'running' },
  { name: 'web-deadbeef2', state: 'halted' },
] as const;

/** The whole operator with its real client, and the emulated provider, on one clock that the test moves. */
export interface FaultyWorld extends OperatorWorld {
  readonly emulator: Emulator;
  readonly wire: Wire;
  /** The machine that is the object's by its name at the provider. */
  machineOf(name: string): MachineView | undefined;
  /** Calls that would change something, in order, optionally only those after this call or effect of the ledger. */
  writes(since?: number): readonly CallEntry[];
  /** The number of the newest entry in the ledger. */
  readonly seq: number;
  /** What the object said one after another, optionally from this version on: the reason for it that all conditions share. */
  reasons(name: string, since?: number): readonly string[];
  /** Holds what must be true at any time against what happened; at the end of the test it is done anyway. */
  judge(): void;
}

/**
 * The client's reads wait for their next attempt with timers of the process. Whenever a world's clock moves, `timers` are
 * these: several worlds may alternate.
 */
function waitBy(clock: ManualClock, timers: () => Clock): void {
  const { advance } = clock;
  clock.advance = (milliseconds) => {
    vi.stubGlobal('setTimeout', (callback: () => void, after: number) => timers().schedule(after, callback));
    vi.stubGlobal('clearTimeout', (cancel?: () => void) => cancel?.());
    return advance(milliseconds);
  };
}

export interface FaultyOptions {
  /** Ids of VMs that are there from the start and that objects of the test adopt. */
  readonly adopted?: readonly number[];
  /** What the answers of this provider lead to, and no others. */
  readonly leadsTo?: readonly ('SecondVm' | 'DeleteOfRunningVm')[];
}

export async function createFaultyWorld(
  switches: Partial<Behavior> = {},
  { adopted = [], leadsTo = [] }: FaultyOptions = {},
): Promise<FaultyWorld> {
  const clock = createManualClock();
  let processClock: Clock = clock;
  waitBy(clock, () => processClock);
  const accounts = [
    { ownerId: 1, keys: [keys.ours] },
    { ownerId: 2, keys: [keys.others] },
    { ownerId: 3, keys: [keys.newcomers] },
  ];
  const emulator = createEmulator({ clock, accounts, switches });
  for (const stranger of strangers) emulator.panel.create(stranger);
  emulator.panel.create({ name: 'theirs', ownerId: 2 });
  const before = emulator.machines().filter(({ id }) => !adopted.includes(id));
  const existing = emulator.machines().map(({ name }) => name);
  const unmanaged = new Set(before.map(({ id }) => id));
  const wire = createWire(emulator, clock);
  const { apiConnectTimeout: connect, apiResponseTimeout: response } = usual;

  vi.spyOn(Math, 'random').mockReturnValue(0.5);
  const cluster = new InMemoryCluster(clock);
  const operator = await runOperator({
    clock,
    cluster,
    connect: (apiKey, process) => {
      processClock = process.clock;
      return createHttpProvider({
        ...process,
        baseUrl: 'https://provider.test',
        apiKey,
        exchange: wire.exchange,
        timeouts: { connect, response, total: connect + response },
      });
    },
  });
  operator.useKey(keys.ours);
  await clock.advance(0);
  /** Names of machines that objects had, kept after the objects are gone. */
  const named = (): readonly string[] => [...new Set(cluster.versions.map(providerName))];

  const world: FaultyWorld = {
    ...operator,
    emulator,
    wire,
    machineOf: (name) => {
      const object = cluster.versions.findLast(({ metadata }) => metadata.name === name);
      return emulator.machines().find((machine) => object !== undefined && machine.name === providerName(object));
    },
    writes: (since = 0) => emulator.ledger.writes().filter(({ seq }) => seq > since),
    get seq() {
      const { calls, effects } = emulator.ledger;
      return Math.max(calls.at(-1)?.seq ?? 0, effects.at(-1)?.seq ?? 0);
    },
    reasons: (name, since = 0) =>
      cluster.versions
        .slice(since)
        .filter(({ metadata }) => metadata.name === name)
        .map(({ status }) => status?.conditions?.find(({ type }) => type === 'Synced')?.reason ?? '')
        .filter((reason, index, all) => reason !== '' && reason !== all[index - 1]),
    judge: () => {
      const { ledger } = emulator;
      expect(emulator.machines().filter(({ id }) => unmanaged.has(id))).toEqual(before);
      expect(ledger.writes().filter(({ machineId = 0 }) => unmanaged.has(machineId))).toEqual([]);
      for (const name of named()) {
        // Only a VM that was deleted at the provider is recreated.
        const deleted = ledger.effects.filter(
          ({ kind, cause, machineName }) => kind === 'deleted' && cause === 'panel' && machineName === name,
        );
        const most = leadsTo.includes('SecondVm') ? 2 : 1 + deleted.length;
        expect(ledger.machinesEverCreated(name).length).toBeLessThanOrEqual(most);
      }
      expect(ledger.leaks([...named(), ...existing])).toEqual([]);
      if (!leadsTo.includes('SecondVm')) expect(ledger.duplicates()).toEqual([]);
      expect(ledger.impossibleEffects()).toEqual([]);
      const deletes = ledger
        .forbiddenTransitions()
        .filter((effect) => 'command' in effect && effect.command === 'delete');
      if (!leadsTo.includes('DeleteOfRunningVm')) expect(deletes).toEqual([]);
      // A lost race for the object is expected and does not count as a failure.
      const failed = operator.complaints.filter((line) => /^Reconciler error(?!.*KubeError)/.test(line));
      expect(failed).toEqual([]);
    },
  };
  expectAtTheEnd(() => world.judge());
  return world;
}
