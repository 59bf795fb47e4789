import type { Misfortune, Operator, ProviderState, State } from '../state.ts';

/** One way a state can go on. */
export interface Action {
  readonly kind: string;
  readonly label: string;
  readonly to: State;
  /** When a world without faults gets to it; undefined: never. */
  readonly phase: Phase | undefined;
}

/** The order of things in a world without faults, which takes the first that there is. */
export const phases = [
  /** Credentials are put right. */
  'repair',
  'answer',
  'watch',
  'reconciliation',
  'adrift',
  'catchUp',
  'machine',
  'read',
  'list',
  'clock',
] as const;
export type Phase = (typeof phases)[number];

/** The state a little later, with what changed. */
export function later(
  state: State,
  change: Partial<Pick<State, 'cluster' | 'providerState' | 'operator' | 'doubtSince' | 'sent'>>,
  milliseconds = 1,
): State {
  return { ...state, sent: undefined, ...change, now: state.now + milliseconds };
}

export function can(state: State, misfortune: Misfortune): boolean {
  return (state.left[misfortune] ?? 0) > 0;
}

/** The state with one misfortune less to come. */
export function spend(state: State, misfortune: Misfortune): State {
  return { ...state, left: { ...state.left, [misfortune]: (state.left[misfortune] ?? 0) - 1 } };
}

export function atProvider(state: State, providerState: ProviderState): State {
  return later(state, { providerState });
}

export function inOperator(state: State, operator: Partial<Operator>): State {
  return later(state, { operator: { ...state.operator, ...operator } });
}
