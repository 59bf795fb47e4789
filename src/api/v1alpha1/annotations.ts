import { quoted } from '../../domain/text.ts';
import { annotations } from './constants.ts';
import type { VirtualMachine } from './types.ts';

export type AnnotationName = keyof typeof annotations;

/** The meaning of each annotation: `value` is what it contains, `by` who writes it. docs/api.md shows it. */
export const annotationTable: Readonly<
  Record<AnnotationName, { readonly by: 'you' | 'the operator'; readonly value: string; readonly meaning: string }>
> = {
  paused: {
    by: 'you',
    value: '"true"',
    meaning: 'Pauses reconciliation, including deletion, until you remove the annotation.',
  },
  reconcileRequestedAt: {
    by: 'you',
    value: 'any new text',
    meaning:
      'Triggers an immediate reconciliation and retries what is in backoff. Shown in status.lastHandledReconcileAt once it is handled.',
  },
  forcePowerOff: {
    by: 'you',
    value: '"true"',
    meaning:
      'While it is set, the operator cuts the power after a shutdown in mode TrySoft without waiting for the grace period, and also of a VM that is halting for another reason. Soft never cuts the power.',
  },
  ignoreOrphanCandidates: {
    by: 'you',
    value: '"true"',
    meaning:
      'Creates the VM although VMs exist that may have belonged to a previous object of this name (OrphanCandidateFound).',
  },
  keepRunningUntil: {
    by: 'you',
    value: 'a time such as 2026-12-01T22:00:00Z',
    meaning:
      'Until then, spec.powerSchedule does not halt the VM. It never starts a VM whose spec.powerState is Halted.',
  },
  createPending: {
    by: 'the operator',
    value: '{"at", "name", "uid", "after", "owner", "proof"}',
    meaning:
      "The create intent, stored before the create call: the time, the provider name, this object's UID, the newest time from the provider and the account's owner where they are known, and a keyed hash of UID and name with the API key. While it exists, a VM of that name may exist. A VM whose name you chose belongs to the object only if the hash matches.",
  },
  machine: {
    by: 'the operator',
    value: '{"id", "uid", "owner", "name"}',
    meaning:
      "A hint for restores, because backups keep annotations and drop the status: the VM's id, this object's UID, the account's owner where it is known, and the VM's name if it doesn't follow from the object. The record is the status. The operator never acts on a VM because of this annotation, and corrects one that differs from the record.",
  },
  defaultCredentials: {
    by: 'the operator',
    value: '"true"',
    meaning:
      "Stored before the create call when it is made with the operator's own API key, which the object uses from then on. To use another key of the same account, remove the annotation or name a Secret.",
  },
  managedBy: {
    by: 'the operator',
    value: 'namespace/name of its Lease',
    meaning:
      'The installation of the operator that manages the object, stored with the finalizer. Any other installation leaves the object alone. Remove the annotation, or set takeOverFrom, to hand the object to another one.',
  },
};

/** The names of the annotations that are written by you, or by the operator. */
export function writtenBy(writer: 'you' | 'the operator'): readonly string[] {
  // `as`: the table has exactly these keys.
  const keys = Object.keys(annotationTable) as AnnotationName[];
  return keys.filter((key) => annotationTable[key].by === writer).map((key) => annotations[key]);
}

/** Requests by users in annotations. */
export interface Requests {
  readonly isPaused: boolean;
  readonly isPowerOffForced: boolean;
  readonly ignoresOrphanCandidates: boolean;
  /** Until when the schedule doesn't halt the VM, in epoch milliseconds. */
  readonly keepRunningUntil: number | undefined;
  /**
   * A value of reconcile-requested-at that was not handled yet. It fits into the status, because `decode.ts` truncates
   * it.
   */
  readonly reconcile: string | undefined;
}

const switches = [annotations.paused, annotations.forcePowerOff, annotations.ignoreOrphanCandidates] as const;

/** Reads the annotations. An invalid value counts as missing; `invalid` names such annotations. */
export function readRequests({ metadata, status }: VirtualMachine): Requests {
  const on = (name: (typeof switches)[number]): boolean => metadata.annotations?.[name] === 'true';
  const requested = metadata.annotations?.[annotations.reconcileRequestedAt];
  return {
    isPaused: on(annotations.paused),
    isPowerOffForced: on(annotations.forcePowerOff),
    ignoresOrphanCandidates: on(annotations.ignoreOrphanCandidates),
    keepRunningUntil: readTime(metadata.annotations?.[annotations.keepRunningUntil]),
    reconcile: requested === status?.lastHandledReconcileAt ? undefined : requested,
  };
}

/** An RFC 3339 time with its offset: `Date.parse` alone accepts far more, such as a bare number or February 31. */
const time = /^(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/;

export function readTime(value: string | undefined): number | undefined {
  const [, day] = time.exec(value ?? '') ?? [];
  const milliseconds = value !== undefined && day !== undefined ? Date.parse(value) : Number.NaN;
  return Number.isNaN(milliseconds) || !isDay(day) ? undefined : milliseconds;
}

/** `Date.parse` takes a day that the month doesn't have for one of the next month. */
function isDay(day = ''): boolean {
  const parsed = Date.parse(day);
  return !Number.isNaN(parsed) && new Date(parsed).toISOString().startsWith(day);
}

const isSwitch = (value: string): boolean => value === 'true' || value === 'false';
const isTime = (value: string): boolean => readTime(value) !== undefined;

/** Annotations of the operator whose value it can't read, as `name=value`. */
export function invalidAnnotations({ metadata }: VirtualMachine): readonly string[] {
  const checks = [
    ...switches.map((name) => [name, isSwitch] as const),
    [annotations.keepRunningUntil, isTime] as const,
  ];
  return checks.flatMap(([name, isValid]) => {
    const value = metadata.annotations?.[name];
    return value === undefined || isValid(value) ? [] : [`${name}=${quoted(value)}`];
  });
}
