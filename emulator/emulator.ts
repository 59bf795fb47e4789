import { Accounts, type AccountOptions } from './accounts.ts';
import type { Response } from './response.ts';
import { defaultCatalog, type Catalog } from './catalog.ts';
import { realClock, type EmulatorClock } from './clock.ts';
import type { FaultRule } from './fault-rule.ts';
import { Faults, type FaultHandle } from './faults.ts';
import { Fleet } from './fleet.ts';
import { defaultLatencies, type Latencies } from './latencies.ts';
import { Ledger, type CallOutcome } from './ledger.ts';
import type { MachineView } from './machine.ts';
import { isWrite, route } from './operations.ts';
import { createControlPanel, type ControlPanel } from './control-panel.ts';
import { ProviderApi, type Call } from './provider-api.ts';
import { ReplayCache } from './replay-cache.ts';
import { madeUpSuccess, applyFault, type Delivery } from './apply-fault.ts';
import { defaultBehavior, type Behavior } from './behavior.ts';

export interface EmulatorOptions {
  readonly accounts: readonly AccountOptions[];
  readonly clock?: EmulatorClock;
  /** Seed for latencies and passwords. */
  readonly seed?: number;
  readonly catalog?: Catalog;
  readonly switches?: Partial<Behavior>;
  readonly latencies?: Partial<Latencies>;
}

/** How many VMs the page for browsers shows; further ones are counted. */
export const shownMachines = 200;

/** A parsed HTTP request. */
export interface ReceivedRequest {
  readonly method: string;
  /** Without the query string. */
  readonly path: string;
  readonly key: string | undefined;
  readonly accept: string | undefined;
  readonly body: string;
}

/** The provider without its network. Everything is synchronous except for the timers of the clock. */
export interface Emulator {
  readonly clock: EmulatorClock;
  readonly ledger: Ledger;
  readonly accounts: Accounts;
  readonly catalog: Catalog;
  /** The provider's control panel, without an API key. */
  readonly panel: ControlPanel;
  readonly switches: Behavior;
  setSwitches(switches: Partial<Behavior>): void;
  addFault(rule: FaultRule): FaultHandle;
  clearFaults(): void;
  faults(): readonly unknown[];
  /** Forgets the responses that the fault `replay` repeats: the next response to each call counts as its first. */
  recordAnew(): void;
  /** The provider's time in milliseconds since the epoch: a switch may shift its clock. */
  providerTime(): number;
  /** All VMs that exist, of all accounts. */
  machines(): readonly MachineView[];
  /** For tests that search for leaked passwords; undefined for a VM that does not exist. */
  passwordOf(id: number): string | undefined;
  /** For one VM by id, or for all present and future VMs of a name. */
  setIgnoresShutdown(idOrName: number | string, ignores: boolean): void;
  /**
   * Handles one request and delivers the response, at once or later. The returned function records how the connection
   * ended, if it didn't end as delivered.
   */
  receive(request: ReceivedRequest, deliver: (delivery: Delivery) => void): (outcome: CallOutcome) => void;
}

export function createEmulator(options: EmulatorOptions): Emulator {
  const clock = options.clock ?? realClock;
  const catalog = options.catalog ?? defaultCatalog;
  const ledger = new Ledger(clock);
  const accounts = new Accounts(options.accounts);
  const faults = new Faults();
  const replayCache = new ReplayCache();
  let current: Behavior = { ...defaultBehavior, ...options.switches };
  const switches = (): Behavior => current;
  const fleet = new Fleet({
    clock,
    ledger,
    osTemplates: catalog.osTemplates,
    latencies: { ...defaultLatencies, ...options.latencies },
    switches,
    seed: options.seed ?? 1,
  });
  const provider = new ProviderApi({ clock, accounts, catalog, fleet, switches });

  return {
    clock,
    ledger,
    accounts,
    catalog,
    panel: createControlPanel(fleet, catalog, options.accounts[0]?.ownerId ?? 1),
    get switches() {
      return current;
    },
    setSwitches: (changed) => {
      current = { ...current, ...changed };
    },
    addFault: (rule) => faults.add(rule),
    clearFaults: () => faults.clear(),
    faults: () => faults.list(),
    recordAnew: () => replayCache.clear(),
    providerTime: () => clock.now() + current.clockOffset,
    machines: () => fleet.live().map((machine) => fleet.view(machine)),
    passwordOf: (id) => fleet.find(id)?.password,
    setIgnoresShutdown: (idOrName, ignores) => fleet.setIgnoresShutdown(idOrName, ignores),
    receive: (request, deliver) => {
      const call = register(request);
      const fault = faults.strike({ ...request, operation: call.operation, machineName: call.machineName });
      if (fault !== undefined) ledger.ended(call.seq, { fault: `${fault.when} ${fault.action.kind}` });
      perform(call, fault, (delivery) => {
        ledger.ended(call.seq, { outcome: outcomeOf(delivery) });
        deliver(delivery);
      });
      return (outcome) => ledger.ended(call.seq, { outcome });
    },
  };

  function register(request: ReceivedRequest): Call & { readonly machineName: string | undefined } {
    const { operation, id } = route(request.method, request.path);
    const body = parse(request.body);
    const isAboutMachine = request.path.startsWith('/virtual_machines');
    const machine = id === undefined || !isAboutMachine ? undefined : fleet.find(id);
    const machineName = operation === 'CreateMachine' ? nameIn(body) : machine?.name;
    const account = accounts.ownerOf(request.key);
    const seq = ledger.called({
      ...(account === undefined ? {} : { account }),
      method: request.method,
      path: accounts.withoutKeys(request.path).slice(0, 256),
      operation,
      ...(id === undefined || !isAboutMachine ? {} : { machineId: id }),
      ...(machineName === undefined ? {} : { machineName: machineName.slice(0, 256) }),
    });
    return { seq, operation, machineOrEntryId: id, key: request.key, accept: request.accept, body, machineName };
  }

  function perform(call: Call, fault: FaultRule | undefined, deliver: (delivery: Delivery) => void): void {
    const recording = `${call.operation} ${call.machineOrEntryId} ${accounts.ownerOf(call.key)}`;
    const answer = (): Response => replayCache.note(recording, provider.answer(call));
    if (fault === undefined) {
      deliver({ kind: 'answer', answer: answer() });
      return;
    }
    const { when, action } = fault;
    const hasEffect = when === 'after' || !isWrite(call.operation);
    if (action.kind === 'delay') {
      const early = when === 'after' ? answer() : undefined;
      const late = when === 'instead' && isWrite(call.operation) ? () => madeUpSuccess : answer;
      clock.schedule(action.ms, () => deliver({ kind: 'answer', answer: early ?? late() }));
      return;
    }
    const response = hasEffect ? answer() : madeUpSuccess;
    if (action.kind === 'replay') deliver({ kind: 'answer', answer: replayCache.first(recording) ?? response });
    else deliver(applyFault(action, response));
  }
}

function outcomeOf(delivery: Delivery): CallOutcome {
  switch (delivery.kind) {
    case 'hang':
    case 'reset':
      return delivery.kind;
    case 'oversize':
      return 200;
    case 'answer':
    case 'truncate':
    case 'drip':
      return delivery.answer.status;
  }
}

function parse(body: string): unknown {
  // Most requests have no body, and an exception of the parser costs more than the rest of a call.
  if (body === '') return undefined;
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function nameIn(body: unknown): string | undefined {
  const name = typeof body === 'object' && body !== null && 'name' in body ? body.name : undefined;
  return typeof name === 'string' ? name : undefined;
}
