import { type Operation, type Outcome, succeeded } from '../../../src/domain/failure.ts';
import type { ListedMachine, Machine } from '../../../src/domain/machine.ts';
import type { Catalog } from '../../../src/provider/account/account.ts';
import type { CreateResult, Provider } from '../../../src/provider/provider.ts';
import { silentLog } from '../../../src/telemetry/log.ts';
import type { AccountName, AccountState, List, PendingRead, ProviderCall } from '../state.ts';
import type { Subject } from '../subject.ts';
import type { SingleRead } from '../../../src/provider/account/subscriptions.ts';
import { usual } from '../../support/usual-settings.ts';
import type { OpenAccount } from './open-account.ts';
import { assignParts, isEqual, partsOf } from './parts.ts';

/** What happens around the account while it runs. */
export interface AccountWorld {
  readonly subject: Subject;
  now(): number;
  /** Sends a changing call to the provider, and waits for the response. */
  call(call: ProviderCall): Promise<Outcome<unknown>>;
  /** The object is requeued. */
  wake(): void;
}

/** The pause of the rate limiter counts, its rate doesn't: few calls are made. */
const settings = { ...usual, providerRate: 0 };

/** A provider without a catalog: the references of the spec are valid. */
const noCatalog: Catalog = { regions: undefined, packages: undefined, osTemplates: undefined };

/** The key of the only object. */
export const objectKey = 'default/web';

type Resolve<T> = (outcome: Outcome<T>) => void;

/**
 * The real account of src/provider/account, stored as data after each step and restored from it for the next. A promise can't be
 * stored: a read of a single VM that is in flight starts again, at the time at which it started; calls are part of
 * a reconciliation, which runs again from its start.
 *
 * When a list starts is decided by the steps and not by the poller: `isListDue` says when one may.
 */
export class RunningAccount {
  readonly name: AccountName;
  readonly account: OpenAccount;
  readonly #before: AccountState | undefined;
  readonly #lists: Resolve<readonly ListedMachine[]>[] = [];
  readonly #reads: (PendingRead & { readonly answer: Resolve<Machine | undefined> })[] = [];
  /** A list in flight. */
  #listing: List | undefined;
  #now: () => number;

  private constructor(name: AccountName, before: AccountState | undefined, world: AccountWorld) {
    this.name = name;
    this.#before = before;
    this.#listing = before?.listing;
    this.#now = () => world.now();
    this.account = world.subject.createAccount({
      provider: this.#providerIn(world),
      keyedHash: (text) => `${name} ${text}`,
      clock: { now: () => this.#now(), monotonic: () => this.#now(), schedule: () => () => {} },
      log: silentLog,
      random: () => 0.5,
      wake: () => world.wake(),
      settings,
    });
    this.account.$catalog.$kept = { outcome: succeeded(noCatalog), until: Infinity };
    this.account.$poller.$isListing = true;
  }

  static create(name: AccountName, world: AccountWorld): RunningAccount {
    return new RunningAccount(name, undefined, world);
  }

  static async restore(name: AccountName, before: AccountState, world: AccountWorld): Promise<RunningAccount> {
    const running = new RunningAccount(name, before, world);
    const { $subscriptions, ...others } = before.parts;
    assignParts(running.account, { $subscriptions });
    // First, because the rest may let no more reads start.
    if (before.read !== undefined) await running.#startAgain(before.read);
    assignParts(running.account, others);
    running.account.$machines.$snapshot = before.snapshot;
    return running;
  }

  /** A list that started at `startedAt` is answered now. */
  async answerList(startedAt: number, outcome: Outcome<readonly ListedMachine[]>): Promise<void> {
    await this.#at(startedAt, () => void this.account.$poller.$list());
    const [answer] = this.#lists.splice(0);
    if (answer === undefined) throw new Error('the account does not read its list');
    this.#listing = undefined;
    answer(outcome);
    await settled();
  }

  /** The read in flight is answered now. */
  async answerRead(outcome: Outcome<Machine | undefined>): Promise<void> {
    for (const { answer } of this.#reads.splice(0)) answer(outcome);
    await settled();
  }

  /** The account as data: the state that it was restored from, if nothing changed. */
  save(): AccountState {
    const { account } = this;
    const { $poller, $credential } = account;
    const { snapshot, credentialStatus, lastFailure } = account;
    // A pause that is over makes no difference.
    const ended = new Set(account.rateLimitedUntil === undefined ? ['$pause'] : []);
    const parts = partsOf(account, ended);
    const read = this.#readInFlight();
    const before = this.#before;
    if (
      before !== undefined &&
      before.listing === this.#listing &&
      before.snapshot === snapshot &&
      isEqual([before.read, before.parts], [read, parts])
    )
      return before;
    return {
      parts,
      snapshot,
      read,
      listing: this.#listing,
      isSubscribed: account.subscriberCount > 0,
      credentialStatus,
      lastFailure,
      suspectedAt: $credential.suspectedAt,
      pausedUntil: account.rateLimitedUntil,
      listRequestedAt: earlier($poller.$listRequests.earliest, $poller.$machineRequests.earliest),
      machineRead: this.#machineRead,
    };
  }

  get #machineRead(): SingleRead | undefined {
    return this.account.$subscriptions.get(objectKey)?.read;
  }

  #readInFlight(): PendingRead | undefined {
    const read = this.#machineRead;
    if (read?.isInFlight !== true) return undefined;
    const sent = this.#reads.findLast(({ id }) => id === read.id);
    if (sent === undefined) throw new Error('a read waits for a slot');
    return { id: sent.id, startedAt: sent.startedAt };
  }

  async #startAgain({ startedAt }: PendingRead): Promise<void> {
    const { $machineReads, $subscriptions } = this.account;
    const record = $subscriptions.get(objectKey);
    const read = record?.read;
    if (record !== undefined && read !== undefined)
      await this.#at(startedAt, () => void $machineReads.$run(record, read));
  }

  async #at(time: number, start: () => void): Promise<void> {
    const now = this.#now;
    this.#now = () => time;
    start();
    await settled();
    this.#now = now;
  }

  #providerIn(world: AccountWorld): Provider {
    const call = <T>(operation: Operation, target: Pick<ProviderCall, 'id' | 'name'>): Promise<Outcome<T>> =>
      // `as`: the provider of the model answers each call with what the port says of it.
      world.call({ operation, account: this.name, ...target }) as Promise<Outcome<T>>;
    return {
      createMachine: ({ name }) => call<CreateResult>('CreateMachine', { name }),
      deleteMachine: (id) => call<'Accepted' | 'NotFound'>('DeleteMachine', { id }),
      startMachine: (id) => call<void>('StartMachine', { id }),
      stopMachine: (id) => call<void>('StopMachine', { id }),
      restartMachine: (id) => call<void>('RestartMachine', { id }),
      killMachine: (id) => call<void>('KillMachine', { id }),
      listMachines: () => new Promise((resolve) => this.#lists.push(resolve)),
      getMachine: (id) =>
        new Promise((answer) => {
          this.#reads.push({ id, startedAt: this.#now(), answer });
        }),
      listRegions: unexpected,
      listPackages: unexpected,
      listOsTemplates: unexpected,
    };
  }
}

function unexpected(): never {
  throw new Error('the catalog is known');
}

/** Resolves when all that was started has come to wait for a response. */
export function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function earlier(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
}
