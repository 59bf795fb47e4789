import { createHash } from 'node:crypto';
import { isNameOwn, providerName, readIdentity, readIntent } from '../api/v1alpha1/identity.ts';
import { annotations, finalizer } from '../api/v1alpha1/names.ts';
import type { VirtualMachine } from '../api/v1alpha1/types.ts';
import type { Clock } from '../model/clock.ts';
import type { ProviderId } from '../model/machine.ts';
import type {
  CatalogueObservation,
  CredentialsObservation,
  Limits,
  MachineObservation,
  Observed,
} from '../plan/observed.ts';
import type { Account, Snapshot } from '../provider/account/account.ts';
import type { Credentials, KeyLookup } from './credentials.ts';
import { judgeAbsence, judgeAccount, judgeName } from './evidence.ts';
import type { Memory } from './history.ts';
import { type NameIndex, cameFirst } from './names.ts';

export interface ObserveDeps {
  readonly clock: Clock;
  readonly credentials: Credentials;
  readonly accountFor: (key: Extract<KeyLookup, { kind: 'Found' }>['apiKey']) => Account;
  readonly names: NameIndex;
  readonly objectOf: (key: string) => VirtualMachine | undefined;
  readonly limits: Limits;
  /** The longest a create call can be under way, milliseconds. */
  readonly responseDeadline: number;
  /** When this process began to act (monotonic): calls of an earlier one may be under way until the deadline after it. */
  readonly actingSince: number;
}

/** An observation together with the account it was made through; null when there is no usable key. */
export interface Observation {
  readonly observed: Observed;
  readonly account: Account | null;
}

/**
 * Gathers everything a decision about one object may rest on. All reads happen here; what could not be read becomes
 * `Unknown`, never a guess. Throws KubeError when the Secret cannot be read for reasons that say nothing about it.
 */
export async function observe(
  deps: ObserveDeps,
  key: string,
  object: VirtualMachine,
  memory: Memory,
): Promise<Observation> {
  const lookup = await deps.credentials.lookup(object);
  const account = lookup.kind === 'Found' ? deps.accountFor(lookup.apiKey) : null;
  if (memory.account !== account) {
    memory.account?.forget(key);
    memory.account = account;
    memory.forgetLack();
  }
  const name = providerName(object);
  const identity = readIdentity(object);
  const id = identity.kind === 'Known' ? identity.id : undefined;
  account?.follow(key, { name, id });
  const machine =
    account === null || identity.kind === 'Foreign' || identity.kind === 'Malformed'
      ? notYetSeen
      : await observeMachine(deps, account, { key, object, memory, name, id });
  if (account?.verdict === 'Rejected' || isOtherAccount(machine)) deps.credentials.distrust(object);
  const catalogue = await observeCatalogue(account, machine, id, object, memory, deps.clock);
  const nameHeldBy = await nameHolder(deps, key, object, account, name);
  const now = deps.clock.now();
  return {
    account,
    observed: Object.freeze({
      now,
      object,
      providerName: name,
      identity,
      intent: readIntent(
        memory.openIntent(object.metadata.annotations?.[annotations.createPending]),
        object.metadata.uid,
      ),
      nameHeldBy,
      credentials: observeCredentials(lookup, account),
      machine,
      catalogue,
      gateClosedFor: Math.max(0, (account?.gateClosedUntil ?? 0) - deps.clock.monotonic()),
      history: memory.history(now, refusalBasis(object)),
      limits: deps.limits,
    }),
  };
}

const notYetSeen: MachineObservation = { kind: 'Unknown', reason: { kind: 'NotYetSeen' } };
const outcomeUnknown: MachineObservation = { kind: 'Unknown', reason: { kind: 'OutcomeUnknown' } };

/** How soon the read of a single machine is tried again. */
const readAgain = 5_000;
/** The longest wait for a further list while the evidence of absence is not complete. */
const longestDoubt = 60_000;

interface Subject {
  readonly key: string;
  readonly object: VirtualMachine;
  readonly memory: Memory;
  readonly name: string;
  readonly id: ProviderId | undefined;
}

async function observeMachine(deps: ObserveDeps, account: Account, subject: Subject): Promise<MachineObservation> {
  const { object, memory, name, id } = subject;
  if (account.lastFailure !== undefined) {
    return { kind: 'Unknown', reason: { kind: 'ReadFailed', failure: account.lastFailure } };
  }
  if (id === undefined && isUntouched(object, memory)) return { kind: 'Absent' };
  const notBefore = Math.max(
    account.lastChangeAt(name) ?? 0,
    // A look for a name, unlike one for a known machine, must not be older than the object as this process knows it.
    id === undefined ? memory.firstSeenAt : 0,
    memory.lookAgainAt !== undefined && memory.lookAgainAt <= deps.clock.monotonic() ? memory.lookAgainAt : 0,
  );
  const { snapshot } = account;
  if (snapshot === undefined || snapshot.startedAt < notBefore) {
    account.want(subject.key, notBefore);
    return notYetSeen;
  }
  return id === undefined
    ? lookForName(deps, account, snapshot, subject)
    : lookForId(deps, account, snapshot, subject, id);
}

/**
 * Nothing of ours can be there yet: the name carries the object's UID, nothing was ever announced or recorded, and
 * without our finalizer, which is stored before anything billable, no earlier record can have been lost.
 */
function isUntouched(object: VirtualMachine, memory: Memory): boolean {
  const { metadata, status } = object;
  return (
    isNameOwn(object) &&
    (metadata.annotations?.[annotations.createPending] ?? memory.openIntent(undefined)) === undefined &&
    metadata.finalizers?.includes(finalizer) !== true &&
    status?.id === undefined
  );
}

function lookForName(deps: ObserveDeps, account: Account, snapshot: Snapshot, subject: Subject): MachineObservation {
  const { object, memory, name, key } = subject;
  const found = snapshot.byName(name);
  const [machine] = found;
  if (found.length > 1) return { kind: 'Unknown', reason: { kind: 'DuplicateName', ids: found.map(({ id }) => id) } };
  if (machine !== undefined) {
    memory.sawMachine(machine, deps.clock.now());
    return { kind: 'Present', machine };
  }
  if (memory.openIntent(object.metadata.annotations?.[annotations.createPending]) === undefined)
    return { kind: 'Absent' };

  const earliest = Math.max(deps.actingSince, memory.intentSentAt ?? 0) + deps.responseDeadline;
  if (snapshot.startedAt >= earliest) memory.sawLack(snapshot.startedAt);
  const verdict = judgeName({
    earliest,
    firstLacking: memory.firstLacking,
    newest: snapshot.startedAt,
    visibilityWindow: deps.limits.visibilityWindow,
  });
  if (verdict.absent) return { kind: 'Absent' };
  account.want(key, verdict.wantListAfter);
  return outcomeUnknown;
}

async function lookForId(
  deps: ObserveDeps,
  account: Account,
  snapshot: Snapshot,
  subject: Subject,
  id: ProviderId,
): Promise<MachineObservation> {
  const { key, object, memory, name } = subject;
  const machine = snapshot.byId(id);
  if (machine !== undefined) {
    memory.sawMachine(machine, deps.clock.now());
    return { kind: 'Present', machine };
  }
  const otherAccount = judgeAccount(snapshot.ownerIds, object.status?.ownerId);
  if (otherAccount !== undefined) return otherAccount;
  const read = await account.getMachine(id);
  if (!read.outcome.ok) {
    // We are stopping, which is nothing to tell of the machine.
    if (read.outcome.failure.code === 'Cancelled') return notYetSeen;
    // A machine that no list shows any more wakes nobody.
    account.want(key, deps.clock.monotonic() + readAgain);
    return { kind: 'Unknown', reason: { kind: 'ReadFailed', failure: read.outcome.failure } };
  }
  if (read.outcome.value !== undefined) {
    // The list lags: a machine that answers to its id is there.
    memory.sawMachine(read.outcome.value, deps.clock.now());
    account.want(key, deps.clock.monotonic());
    return { kind: 'Present', machine: read.outcome.value };
  }
  memory.sawLack(snapshot.startedAt);
  const wasSeen = memory.wasSeen || wasSeenBefore(object);
  const lackingFor = snapshot.startedAt - (memory.firstLacking ?? snapshot.startedAt);
  const verdict = judgeAbsence({
    listedOwners: snapshot.ownerIds,
    notFound: snapshot.byName(name).length === 0,
    ownerId: object.status?.ownerId,
    keyOwnerId: account.ownerId,
    sweeps: memory.sweeps,
    wasSeen,
    lackingFor,
    visibilityWindow: deps.limits.visibilityWindow,
  });
  // A later list decides: soon at first, then ever more slowly, because what stands in the way may stay.
  if (verdict.kind === 'Unknown') account.want(key, deps.clock.monotonic() + Math.min(lackingFor, longestDoubt));
  // Just created and not visible yet is no reason for alarm.
  return verdict.kind === 'Unknown' && !wasSeen && lackingFor < deps.limits.visibilityWindow ? notYetSeen : verdict;
}

function isOtherAccount(machine: MachineObservation): boolean {
  return machine.kind === 'Unknown' && machine.reason.kind === 'OtherAccount';
}

function wasSeenBefore(object: VirtualMachine): boolean {
  const state = object.status?.state;
  return state === 'Running' || state === 'Halted' || state === 'Starting' || state === 'Halting';
}

function observeCredentials(lookup: KeyLookup, account: Account | null): CredentialsObservation {
  if (lookup.kind === 'Missing') return lookup;
  if (account?.verdict === 'Rejected') return { kind: 'Rejected', failure: account.rejection };
  return { kind: account?.verdict === 'Accepted' ? 'Accepted' : 'Unverified' };
}

/** The catalogue is read only for a create that is about to happen: a machine that exists keeps what it was made of. */
async function observeCatalogue(
  account: Account | null,
  machine: MachineObservation,
  id: ProviderId | undefined,
  object: VirtualMachine,
  memory: Memory,
  clock: Clock,
): Promise<CatalogueObservation> {
  const isCreate = machine.kind === 'Absent' && id === undefined && object.metadata.deletionTimestamp === undefined;
  const isRefused = memory.history(clock.now(), refusalBasis(object)).refusal !== undefined;
  if (account === null || account.verdict === 'Rejected' || !isCreate || isRefused) return { kind: 'NotNeeded' };
  const outcome = await account.catalogue();
  if (outcome.ok) return { kind: 'Read', ...outcome.value };
  return outcome.failure.code === 'Cancelled'
    ? { kind: 'NotNeeded' }
    : { kind: 'Unavailable', failure: outcome.failure };
}

/** Another object of the same account that claimed the name first: two accounts may well use the same name. */
async function nameHolder(
  deps: ObserveDeps,
  key: string,
  object: VirtualMachine,
  account: Account | null,
  name: string,
) {
  for (const rival of deps.names.rivals(name, key)) {
    const other = deps.objectOf(rival);
    if (other === undefined || !cameFirst(other, object)) continue;
    const lookup = await deps.credentials.lookup(other);
    if (lookup.kind === 'Found' && deps.accountFor(lookup.apiKey) === account) return rival;
  }
  return undefined;
}

/** What a refused create call rested on: the spec and the annotations that people set. */
export function refusalBasis(object: VirtualMachine): string {
  const people = Object.entries(object.metadata.annotations ?? {})
    .filter(([name]) => name !== annotations.createPending && name !== annotations.machine)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([object.metadata.generation, people]))
    .digest('base64');
}
