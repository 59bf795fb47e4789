import { quoted } from '../../domain/text.ts';
import { annotations } from './constants.ts';
import type { VirtualMachine } from './types.ts';

/** Requests by users in annotations. */
export interface Requests {
  readonly isPaused: boolean;
  readonly isPowerOffForced: boolean;
  readonly ignoresOrphanCandidates: boolean;
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
    reconcile: requested === status?.lastHandledReconcileAt ? undefined : requested,
  };
}

/** Annotations of the operator that are neither "true" nor "false", as `name=value`. */
export function invalidAnnotations({ metadata }: VirtualMachine): readonly string[] {
  return switches.flatMap((name) => {
    const value = metadata.annotations?.[name];
    return value === undefined || value === 'true' || value === 'false' ? [] : [`${name}=${quoted(value)}`];
  });
}
