import { annotations } from '../api/v1alpha1/constants.ts';
import { quoted } from '../domain/text.ts';
import type { StatusReason } from './action.ts';
import { isKeptRunning } from './power.ts';
import type { Observed } from './observed.ts';
import { retainVm } from '../api/v1alpha1/commands.ts';
import { toSeconds } from '../domain/clock.ts';

/** Appended to the message that the VM matches the spec: a part of the spec, or a result of it, that doesn't apply. */
export function withNotes(o: Observed, statusReason: StatusReason | undefined): StatusReason | undefined {
  if (statusReason?.reason !== 'Available') return statusReason;
  return {
    ...statusReason,
    message: [statusReason.message, ...keptRunning(o), ...outdatedPassword(o), ...unusedAdoption(o)].join('; '),
  };
}

/** Otherwise a reader wonders why the schedule doesn't halt the VM. */
function keptRunning(o: Observed): readonly string[] {
  const until = o.requests.keepRunningUntil;
  if (!isKeptRunning(o) || until === undefined || o.object.spec.powerState === 'Halted') return [];
  return [
    `spec.powerSchedule would halt it, but ${annotations.keepRunningUntil} keeps it running until ${toSeconds(until)}`,
  ];
}

/** A user who waits for Ready reads the Secret next. */
function outdatedPassword({ history }: Observed): readonly string[] {
  const { outdatedPasswordSecret: secret } = history;
  return secret === undefined ? [] : [`Secret ${quoted(secret)} holds the password of an earlier VM`];
}

/** Also after an adopted VM was recreated: the new one has another id and name. */
function unusedAdoption({ identity, object: { spec } }: Observed): readonly string[] {
  const { id, name } = spec.adoption;
  if (identity.kind !== 'Known') return [];
  if ((id ?? identity.id) === identity.id && (name ?? identity.name) === identity.name) return [];
  const other = id === undefined ? quoted(name ?? '') : `${id}`;
  return [
    `spec.adoption names VM ${other}, which isn't adopted, because this object already has VM ${identity.id}; to adopt it, create another object`,
  ];
}

/** What is reported while other VMs have the same name as the recorded one. */
export function duplicateMachine(o: Observed): StatusReason {
  const { duplicates, machine, object } = o;
  const current = machine.kind === 'Present' ? machine.machine.id : 'unknown';
  const others = `VM ${duplicates.join(', ')}`;
  const message =
    object.metadata.deletionTimestamp === undefined
      ? `${others} has the same name at the provider as VM ${current}, which this object manages; delete the one that you do not need at the provider`
      : `VM ${current} and ${others} have the same name at the provider, so neither is deleted; delete one of them at the provider${retainHint(o, 'keep both')}`;
  return { reason: 'DuplicateMachine', message };
}

/**
 * The part of a message that says how to finish a deletion without deleting the VM; empty where that isn't permitted or
 * nothing is being deleted.
 */
export function retainHint(
  { object: { metadata }, mayOrphan }: Pick<Observed, 'object' | 'mayOrphan'>,
  what = 'delete this object without the VM',
): string {
  return mayOrphan && metadata.deletionTimestamp !== undefined ? `; to ${what}: ${retainVm(metadata)}` : '';
}
