import type { Failure, Outcome } from '../../../src/domain/failure.ts';
import type { Machine } from '../../../src/domain/machine.ts';
import type { Snapshot } from '../../../src/provider/account/account.ts';
import type { AccountName, AccountState, List, LookUp, ProviderState } from '../state.ts';
import type { Subject } from '../subject.ts';
import { listOf } from './fake-provider.ts';

/** What src/provider/account/account-core.ts does between passes: it reads, and learns from what it reads. Pure. */

export const untried: AccountState = { verdict: 'Unverified', emptySweeps: 0, changes: {} };

/** The pause after a 429 without a time: src/provider/account/admission/rate-limit-pause.ts. */
const defaultWait = 5_000;

/** The account after an answer, and whether the object is woken by it. */
export interface Heard {
  readonly account: AccountState;
  readonly isWoken: boolean;
}

export function isGateClosed(account: AccountState, now: number): boolean {
  return (account.gateClosedUntil ?? -Infinity) > now;
}

/** A call was refused for its key: until a list has shown whether the key is accepted, no slot is acquired. */
export function isInDoubt({ followed, doubtedAt }: AccountState): boolean {
  return followed !== undefined && doubtedAt !== undefined;
}

/** `AccountCore.#heard`: the answer of a single call. */
export function hear(before: AccountState, outcome: Outcome<unknown>, now: number): Heard {
  if (outcome.ok) return before.verdict === 'Unverified' ? decide(before, undefined) : unmoved(before);
  if (outcome.failure.class === 'Credentials') return unmoved({ ...before, doubtedAt: now });
  return unmoved(heed(before, outcome.failure, now));
}

/** `sawOwner` of src/provider/account/observed-provider.ts. */
export function sawOwner(account: AccountState, machine: Machine | undefined): AccountState {
  const ownerId = account.ownerId ?? machine?.ownerId;
  return ownerId === undefined ? account : { ...account, ownerId };
}

/** The answer to a read of a single machine: `MachineReads.#carryOut`. */
export function answerLookUp(
  before: AccountState,
  lookUp: LookUp,
  outcome: Outcome<Machine | undefined>,
  now: number,
): Heard {
  const { account } = hear(before, outcome, now);
  const isShown = outcome.ok && outcome.value !== undefined;
  const answered = {
    ...account,
    lookUp: { ...lookUp, answer: { outcome, answeredAt: now }, isOwed: true },
    absence: isShown ? undefined : account.absence,
  };
  return { account: outcome.ok ? sawOwner(answered, outcome.value) : answered, isWoken: true };
}

/** Whether a list is waited for, or would tell something new. */
export function isListDue(
  account: AccountState,
  providerState: ProviderState,
  name: AccountName,
  now: number,
): boolean {
  const { followed, snapshot, wantedAt, lastFailure, verdict } = account;
  if (followed === undefined || isGateClosed(account, now)) return false;
  if (isInDoubt(account) || (wantedAt !== undefined && wantedAt <= now)) return true;
  if (providerState.isRejecting) return verdict !== 'Rejected';
  return (
    snapshot === undefined ||
    lastFailure !== undefined ||
    verdict === 'Rejected' ||
    !isSame(snapshot.machines, listOf(providerState, name))
  );
}

function isSame(a: readonly Machine[], b: readonly Machine[]): boolean {
  return (
    a.length === b.length &&
    a.every((machine, index) => {
      const other = b[index];
      return machine.id === other?.id && machine.state === other.state && machine.updatedAt === other.updatedAt;
    })
  );
}

/** A list without news that no object waits for. */
export function refresh(subject: Subject, account: AccountState, now: number): AccountState {
  const { snapshot, wantedAt, lastFailure } = account;
  if (snapshot === undefined || wantedAt !== undefined || lastFailure !== undefined) return account;
  const list = { ...snapshot, startedAt: now };
  return { ...account, snapshot: list, absence: absenceAfter(subject, account, list) };
}

/** `Missing.sweep`, for the one machine that is followed. */
function absenceAfter(
  subject: Subject,
  { followed, absence }: AccountState,
  { startedAt, machines }: List,
): AccountState['absence'] {
  if (followed?.id === undefined || followed.since > startedAt) return undefined;
  const isListed = machines.some(({ id }) => id === followed.id);
  const before = absence && { since: absence.absentSince, lists: absence.absentLists };
  const after = subject.afterList(before, isListed, startedAt);
  return after && { absentSince: after.since, absentLists: after.lists };
}

/** `AccountCore.#list` with a good answer: `#judgeKey`, then `#accept`. */
export function takeList(subject: Subject, before: AccountState, list: List): Heard {
  const judged = decide(before, undefined);
  const snapshot = snapshotOf(subject, list);
  const changes = before.snapshot && subject.diffSnapshots(snapshotOf(subject, before.snapshot), snapshot);
  const { followed, wantedAt, doubtedAt, lookUp } = before;
  const isServed = wantedAt !== undefined && wantedAt <= list.startedAt;
  const isChanged =
    changes === undefined ||
    before.lastFailure !== undefined ||
    (followed !== undefined &&
      (changes.names.has(followed.name) || (followed.id !== undefined && changes.ids.has(followed.id))));
  const [owner] = snapshot.ownerIds;
  const isOwnerShown = before.ownerId !== undefined && snapshot.ownerIds.includes(before.ownerId);
  return {
    account: {
      ...judged.account,
      snapshot: list,
      absence: absenceAfter(subject, before, list),
      listing: undefined,
      lastFailure: undefined,
      ownerId: owner !== undefined && !isOwnerShown ? owner : before.ownerId,
      emptySweeps: list.machines.length === 0 ? before.emptySweeps + 1 : 0,
      wantedAt: isServed ? undefined : wantedAt,
      doubtedAt: doubtedAt !== undefined && list.startedAt < doubtedAt ? doubtedAt : undefined,
      lookUp: lookUp !== undefined && snapshot.byId(lookUp.id) !== undefined ? undefined : lookUp,
    },
    isWoken: isServed || judged.isWoken || (followed !== undefined && isChanged),
  };
}

/** `AccountCore.#list` with a failure: `#judgeKey`, then `#miss`. */
export function missList(before: AccountState, failure: Failure, now: number): Heard {
  const isRejection = failure.class === 'Credentials';
  const judged = isRejection ? decide(before, failure) : unmoved(heed(before, failure, now));
  const isNews = before.lastFailure?.class !== failure.class;
  return {
    account: {
      ...judged.account,
      listing: undefined,
      lastFailure: failure,
      wantedAt: undefined,
      doubtedAt: judged.account.verdict === 'Rejected' ? undefined : before.doubtedAt,
    },
    isWoken: before.wantedAt !== undefined || judged.isWoken || (before.followed !== undefined && isNews),
  };
}

export function snapshotOf(subject: Subject, { startedAt, machines }: List): Snapshot {
  return subject.createSnapshot(startedAt, startedAt, machines);
}

/** `AccountCore.#decide`. */
function decide(before: AccountState, rejection: Failure | undefined): Heard {
  const verdict = rejection === undefined ? 'Accepted' : 'Rejected';
  const isWoken = verdict !== before.verdict && before.followed !== undefined;
  return { account: { ...before, verdict, rejection }, isWoken };
}

/** `RateLimitPause.record` of src/provider/account/admission/rate-limit-pause.ts. */
function heed(account: AccountState, failure: Failure, now: number): AccountState {
  return failure.code === 'RateLimited' ? { ...account, gateClosedUntil: now + defaultWait } : account;
}

function unmoved(account: AccountState): Heard {
  return { account, isWoken: false };
}
