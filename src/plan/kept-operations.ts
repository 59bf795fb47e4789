import type { Decision } from './action.ts';
import type { Observed } from './observed.ts';

/** The operations in the status stay as they are when nothing could be observed. */
export function keptOperations({ object }: Pick<Observed, 'object'>): Pick<Decision, 'operation' | 'startFailure'> {
  return { operation: object.status?.operation, startFailure: object.status?.startFailure };
}
