import { objectOf } from '../support/machine-name.ts';
import type { CallEntry, Ledger } from '../../emulator/ledger.ts';
import { isWrite, type Operation } from '../../emulator/operations.ts';

/** How often the provider may accept each changing call; calls that are not named, never. */
export type Calls = Readonly<Partial<Record<Operation, number>>>;

export interface Expectation {
  /** The object to check. Its VMs are named after it, with a suffix. */
  readonly object: string;
  /** Ids of VMs that no object requested. */
  readonly bystanders: ReadonlySet<number>;
  /** Entries up to this seq are from before: of what follows only so much may have been accepted. */
  readonly since: number;
  readonly calls: Calls;
}

/**
 * What the ledger shows that must never happen, a sentence each, the same one each time it is asked. What has not happened
 * yet is not judged here: see `missing`.
 */
export function judge(ledger: Ledger, expectation: Expectation): readonly string[] {
  const { object, bystanders } = expectation;
  const created = machinesOf(ledger, object);
  return [
    ...(created > 1 ? [`${created} VMs created for ${object}`] : []),
    ...ledger.duplicates().map((name) => `two machines of the name ${objectOf(name)}`),
    ...ledger
      .forbiddenTransitions()
      .filter(({ cause }) => cause !== 'panel')
      .map(
        (effect) =>
          `${effect.kind === 'refused' ? effect.command : effect.kind} of a machine that was not in a state for it`,
      ),
    ...ledger.impossibleEffects().map(({ kind }) => `an impossible effect: ${kind}`),
    ...ledger
      .writes()
      .filter(({ machineId }) => machineId !== undefined && bystanders.has(machineId))
      .map(({ operation }) => `${operation} of a VM that no object requested`),
    ...compare(ledger, expectation, (accepted, allowed) => accepted > allowed),
  ];
}

/** Calls that should have been accepted by now and were not, a sentence each. */
export function missing(ledger: Ledger, expectation: Expectation): readonly string[] {
  return compare(ledger, expectation, (accepted, allowed) => accepted < allowed);
}

/** How many VMs were ever created for the object through the API. */
export function machinesOf(ledger: Ledger, object: string): number {
  return ledger.machinesEverCreated().filter(({ name, cause }) => cause !== 'panel' && objectOf(name) === object)
    .length;
}

function compare(
  ledger: Ledger,
  { since, calls }: Expectation,
  isWrong: (accepted: number, allowed: number) => boolean,
): readonly string[] {
  const accepted: Partial<Record<Operation, number>> = {};
  for (const { operation } of ledger.writes().filter((call) => call.seq > since && isAccepted(call)))
    accepted[operation] = (accepted[operation] ?? 0) + 1;
  const operations = new Set([...Object.keys(accepted), ...Object.keys(calls)] as Operation[]);
  return [...operations]
    .filter((operation) => isWrong(accepted[operation] ?? 0, calls[operation] ?? 0))
    .map((operation) => `${operation} accepted ${accepted[operation] ?? 0} ×, not ${calls[operation] ?? 0} ×`);
}

function isAccepted({ operation, outcome }: CallEntry): boolean {
  return isWrite(operation) && typeof outcome === 'number' && outcome < 300;
}
