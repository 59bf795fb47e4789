import type { Reason } from '../../src/api/v1alpha1/reasons.ts';
import type { VirtualMachine, VirtualMachineStatus } from '../../src/api/v1alpha1/types.ts';
import type { Observed } from '../../src/plan/observed.ts';
import { type Report, statusFor } from '../../src/status/status.ts';
import { type ObservedOptions, machineIn, observedWith } from '../plan/fixtures.ts';

/** How an object comes to show a reason that does not decide, or only decides during deletion. */
const circumstances: Partial<Record<Reason, ObservedOptions>> = {
  Deleting: { deleting: true },
  DeletionProtected: { deleting: true, spec: { deletionProtection: true } },
  OrphanNotPermitted: { deleting: true },
  DiffersFromSpec: { machine: machineIn('Running', { region: { id: 7, name: 'London 1' } }) },
  InitialPasswordNotStored: {
    history: { passwordConflict: { reason: 'InitialPasswordNotStored', message: 'Secret "x"' } },
  },
  InitialPasswordConflict: {
    history: { passwordConflict: { reason: 'InitialPasswordConflict', message: 'Secret "x" is there' } },
  },
};
const besides: ReadonlySet<Reason> = new Set<Reason>([
  'InitialPasswordConflict',
  'InitialPasswordNotStored',
  'InvalidAnnotation',
  'MachineAnnotationCorrected',
  'DiffersFromSpec',
  'OwnedByOtherInstallation',
  'RestartSkipped',
  'Retained',
]);

const report = (reason: Reason): Report => ({
  statusReason: { reason: besides.has(reason) ? 'Available' : reason, message: `because of ${reason}` },
  operation: undefined,
  startFailure: undefined,
  handledRestart: undefined,
  plannedActions: undefined,
});

export interface ShownOptions {
  /** What the object showed before. */
  readonly before?: Partial<VirtualMachineStatus> | undefined;
  readonly generation?: number;
  readonly isDeleting?: boolean;
  readonly credentials?: Observed['credentials'] | undefined;
}

/** The object as it shows a reason, with the very status that the operator would write. */
export function showing(reason: Reason, options: ShownOptions = {}): VirtualMachine {
  const { before = {}, generation = 1, isDeleting = false, credentials } = options;
  const deleting = isDeleting ? { deleting: true } : {};
  const observed = observedWith({
    id: 90,
    machine: 'Running',
    ...circumstances[reason],
    ...deleting,
    status: before,
    ...(credentials === undefined ? {} : { observed: { credentials } }),
  });
  const { object } = observed;
  const current = { ...object, metadata: { ...object.metadata, generation } };
  return { ...current, status: statusFor({ ...observed, object: current }, report(reason)) };
}
