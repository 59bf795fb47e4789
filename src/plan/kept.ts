import type { Decision } from './action.ts';
import type { Observed } from './observed.ts';

/** What the status says of operations stays as it is when nothing could be observed. */
export function kept({ object }: Pick<Observed, 'object'>): Pick<Decision, 'operation' | 'startFailure'> {
  return { operation: object.status?.operation, startFailure: object.status?.startFailure };
}
