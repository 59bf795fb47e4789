import { createHash } from 'node:crypto';
import { type Identity, type Intent, keyText, providerName, readIdentity } from '../../api/v1alpha1/identity.ts';
import { type Requests, writtenBy } from '../../api/v1alpha1/annotations.ts';
import { annotations } from '../../api/v1alpha1/constants.ts';
import type { VirtualMachine } from '../../api/v1alpha1/types.ts';
import { epochOf } from '../../domain/clock.ts';
import type { Outcome } from '../../domain/failure.ts';
import type { ProviderId } from '../../domain/machine.ts';
import { mayCreate, needsRecreationSlot } from '../../plan/external-deletion.ts';
import type { CatalogObservation, CredentialsObservation, MachineObservation, Observed } from '../../plan/observed.ts';
import type { Account, Catalog } from '../../provider/account/account.ts';
import type { KeyLookup } from '../credentials.ts';
import type { DeletionRate } from '../../controller/deletion-rate.ts';
import type { AccountLimits } from '../../controller/account-limits.ts';
import type { NamespaceQuota } from '../../controller/namespace-quota.ts';
import { type ConflictDeps, machineConflict, nameConflict, orphanCandidatesOf } from './conflicts.ts';
import {
  duplicatesOf,
  type MachineFinding,
  type MachineLookup,
  type ReadableAccount,
  type ReconcileSubject,
} from './machine-lookup.ts';
import { nothingFound, observeMachine } from './observe-machine.ts';
import type { MachineDeps } from './find-by-name.ts';
import { nextHaltAt, scheduleAt } from './power-schedule.ts';

/** The limit that prevents another API key. */
type AccountLimit = Exclude<ReturnType<ConflictDeps['accountFor']>, Account>;

export interface ObserveDeps extends ConflictDeps, MachineDeps {
  readonly quota: Pick<NamespaceQuota, 'reachedFor'>;
  readonly accountLimits: Pick<AccountLimits, 'of' | 'pausedBy' | 'isKnown'>;
  readonly deletionRate: Pick<DeletionRate, 'heldFor'>;
  /** Whether objects of this namespace may leave VMs running in the account of the operator's default key. */
  readonly mayOrphan: (namespace: string) => boolean;
}

/** The input of `observe`: the object, and the account and key of this reconciliation. */
export interface ObserveInput {
  readonly subject: ReconcileSubject;
  readonly requests: Requests;
  readonly lookup: KeyLookup;
  /** The limit that prevents an account for the key, if any. */
  readonly limit: AccountLimit | undefined;
  /** Null without a usable key. */
  readonly account: ReadableAccount | null;
  /** What to look for, if anything. */
  readonly target: MachineLookup | undefined;
  /** The create intent in effect, as stored or as this process sent it. */
  readonly lastIntent: Intent | undefined;
  /** Whether a create request may have had an effect that isn't confirmed. */
  readonly isIntentOpen: boolean;
}

export interface Observation {
  readonly observed: Observed;
  /** The findings of the search for the VM, and the reads that it needs. Not recorded yet. */
  readonly finding: MachineFinding;
}

/**
 * Gathers everything that a decision about one object depends on. It only reads. What it can't read becomes `Unknown`,
 * never a guess. Throws KubeError if a Secret can't be read for reasons that say nothing about it.
 */
export async function observe(deps: ObserveDeps, input: ObserveInput): Promise<Observation> {
  const { subject, requests, lookup, limit, account, target, lastIntent, isIntentOpen } = input;
  const { key, object, objectState, name, intent, isIntentProven, isIntentRefused, isDefaultKey } = subject;
  const finding =
    account === null || target === undefined ? nothingFound : observeMachine(deps, account, subject, target);
  const { machine } = finding;
  const now = deps.clock.now();
  const history = objectState.history(
    { now, monotonic: deps.clock.monotonic() },
    () => refusalBasis(object),
    () => writeBasis(object),
    finding.lastRead,
  );
  // The record is of an earlier, deleted VM, and another VM proves to be the object's.
  const recorded = subject.identity;
  const isReplaced = recorded.kind === 'Known' && machine.kind === 'Present' && machine.machine.id !== recorded.id;
  const identity = isReplaced ? ({ kind: 'None' } as const) : recorded;
  const { powerSchedule } = object.spec;
  const isCreate = mayCreate(object, identity, machine) && history.refusal === undefined;
  return {
    finding,
    observed: Object.freeze({
      now,
      object,
      providerName: isReplaced ? providerName(object) : name,
      identity,
      intent,
      isRecordStored: isStored(identity, deps.objectOf(key)),
      createsWithoutVm:
        isIntentOpen && !isIntentRefused && isIntentProven && lastIntent?.at !== undefined
          ? { creates: lastIntent.tries ?? 1, since: Math.min(lastIntent.at, now) }
          : undefined,
      isIntentProven,
      isIntentRefused,
      requests,
      schedule: powerSchedule === undefined ? undefined : scheduleAt(powerSchedule, now),
      nextHaltAt: powerSchedule === undefined ? undefined : nextHaltAt(powerSchedule, now, requests.keepRunningUntil),
      nameConflict: await nameConflict(deps, subject, account),
      machineConflict:
        machine.kind === 'Present' && account !== null
          ? await machineConflict(deps, { ...subject, identity }, account, machine.machine)
          : undefined,
      apiKeyHash: account?.keyedHash(keyText(object.metadata)),
      isKeyChanging: objectState.successor !== undefined,
      isDefaultKey,
      orphanCandidates: isCreate && !isDefaultKey ? orphanCandidatesOf(deps.machineIndex, subject, account) : [],
      namespaceLimit: deps.quota.reachedFor(key, machine.kind === 'Present' ? machine.machine.id : undefined),
      pausedBy: account === null ? undefined : deps.accountLimits.pausedBy(account),
      isPauseKnown: deps.accountLimits.isKnown,
      accountLimits: isCreate && account !== null ? deps.accountLimits.of(account, providerName(object)) : undefined,
      mayOrphan: deps.mayOrphan(object.metadata.namespace) || !usesDefaultKey(object, lookup, machine),
      deletesHeldFor: object.metadata.deletionTimestamp === undefined ? 0 : deps.deletionRate.heldFor(key),
      credentials: observeCredentials(lookup, limit, account),
      machine,
      catalog: observeCatalog(isCreate ? account?.catalog(key) : undefined),
      recreation:
        isCreate && needsRecreationSlot(object, identity, requests)
          ? recreationOf(deps, key, identity.id, account)
          : undefined,
      duplicates: duplicatesOf(object, identity, machine, account, isDefaultKey),
      isProviderUnavailable: account?.isUnavailable === true,
      rateLimitedFor: Math.max(0, (account?.rateLimitedUntil ?? 0) - deps.clock.monotonic()),
      history,
      limits: deps.limits,
    }),
  };
}

/** By any record of it, because tenants may edit the annotation; but not if a key of the namespace shows the VM. */
function usesDefaultKey({ metadata, status }: VirtualMachine, lookup: KeyLookup, machine: MachineObservation): boolean {
  if (lookup.kind === 'Found' && lookup.isDefault) return true;
  if (lookup.kind === 'Found' && machine.kind === 'Present') return false;
  return (
    status?.internal?.usesDefaultCredentials === true ||
    metadata.annotations?.[annotations.defaultCredentials] === 'true'
  );
}

function isStored(identity: Identity, stored: VirtualMachine | undefined): boolean {
  const record = stored && readIdentity(stored);
  return identity.kind === 'Known' && record?.kind === 'Known' && record.id === identity.id;
}

function recreationOf(
  deps: ObserveDeps,
  key: string,
  id: ProviderId,
  account: ReadableAccount | null,
): Observed['recreation'] {
  const dueAt = account?.recreations.dueAt(key);
  return dueAt === undefined ? undefined : { id, dueAt: epochOf(deps.clock, dueAt) };
}

function observeCredentials(
  lookup: KeyLookup,
  limit: AccountLimit | undefined,
  account: ReadableAccount | null,
): CredentialsObservation {
  if (limit !== undefined) return { kind: 'TooMany', limit };
  if (lookup.kind === 'Missing') return lookup;
  if (account?.credentialStatus === 'Rejected') return { kind: 'Rejected', failure: account.rejection };
  return { kind: account?.credentialStatus === 'Accepted' ? 'Accepted' : 'Unverified' };
}

function observeCatalog(outcome: Outcome<Catalog> | undefined): CatalogObservation {
  if (outcome === undefined) return { kind: 'NotRead' };
  return outcome.ok ? { kind: 'Read', ...outcome.value } : { kind: 'Unavailable', failure: outcome.failure };
}

/** The basis of a refused create: the spec and the user's annotations, without what the operator writes. */
export function refusalBasis({ metadata }: VirtualMachine): string {
  return hash([metadata.generation, yours.map((name) => metadata.annotations?.[name] ?? null)]);
}

/** The basis of a refused write: admission policies also check labels and the annotations of other tools. */
export function writeBasis({ metadata }: VirtualMachine): string {
  return hash([
    metadata.generation,
    metadata.fingerprint ?? 0,
    yours.map((name) => metadata.annotations?.[name] ?? null),
  ]);
}

const yours = writtenBy('you');

function hash(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64');
}
