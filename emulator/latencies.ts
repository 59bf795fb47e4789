/** Milliseconds: a fixed value, or drawn from a range with both ends included. */
export type Latency = number | readonly [min: number, max: number];

/** How long the steps of the provider's tasks take. */
export interface Latencies {
  /** From accepting a call until its task starts; the state doesn't change before. */
  readonly pickup: Latency;
  readonly provision: Latency;
  readonly start: Latency;
  readonly halt: Latency;
  readonly kill: Latency;
  /** From accepting a delete until the VM is deleted; 0: immediately. */
  readonly remove: Latency;
  /** Until the provider gives up on a guest that ignores the shutdown signal, if it does. */
  readonly giveUp: Latency;
}

/** Long enough to observe, short enough for a demo. */
export const defaultLatencies: Latencies = {
  pickup: [200, 500],
  provision: [2_000, 4_000],
  start: [1_000, 2_000],
  halt: [1_000, 3_000],
  kill: [300, 800],
  remove: 0,
  giveUp: [20_000, 30_000],
};

/** Reads `250` or `200-500`; undefined for anything else. */
export function readLatency(text: string): Latency | undefined {
  const match = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(text);
  if (match === null) return undefined;
  const min = Number(match[1]);
  const max = match[2] === undefined ? min : Number(match[2]);
  if (max < min) return undefined;
  return min === max ? min : [min, max];
}
