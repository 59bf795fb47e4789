import { apiVersion, kind } from '../api/v1alpha1/constants.ts';
import type { VirtualMachine } from '../api/v1alpha1/types.ts';
import type { EventNote } from '../kubernetes/events.ts';

/** An event about an object that the operator reconciles. */
export function objectEvent(
  { metadata: { namespace, name, uid, resourceVersion } }: VirtualMachine,
  event: Pick<EventNote, 'type' | 'reason' | 'note'>,
): EventNote {
  return { regarding: { apiVersion, kind, namespace, name, uid, resourceVersion }, action: 'Reconcile', ...event };
}
